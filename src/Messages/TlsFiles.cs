namespace AlignProp.Messages;

/// <summary>Where a process finds its certificate and the authority it trusts.</summary>
/// <param name="Certificate">PFX with the process's certificate and private key.</param>
/// <param name="Authority">The certificate authority that signs every process of the cluster, PEM or DER.</param>
public sealed record TlsFiles(string Certificate, string Password, string Authority)
{
    public const string CertificateVariable = "ALIGNPROP_TLS_PFX";
    public const string PasswordVariable = "ALIGNPROP_TLS_PASSWORD";
    public const string AuthorityVariable = "ALIGNPROP_TLS_CA";

    /// <summary>
    /// From the command line, else from the environment; null when neither names a certificate. The password comes from the
    /// environment only: command lines can be read by every user of a machine.
    /// </summary>
    /// <param name="authority">Without one: ca.crt beside the certificate, where docker/certificates.sh puts it.</param>
    public static TlsFiles? Find(string? certificate = null, string? authority = null)
    {
        certificate = Given(certificate) ?? Variable(CertificateVariable);
        return certificate is null
            ? null
            : new TlsFiles(certificate, Variable(PasswordVariable) ?? "",
                Given(authority) ?? Variable(AuthorityVariable) ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(certificate))!, "ca.crt"));
    }

    /// <summary>Without the password.</summary>
    public override string ToString() => $"{Certificate} signed by {Authority}";

    private static string? Variable(string name) => Given(Environment.GetEnvironmentVariable(name));

    private static string? Given(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}
