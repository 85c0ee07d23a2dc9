namespace AlignProp.Clustering;

/// <summary>Where a process finds its certificate and the authority it trusts.</summary>
/// <param name="Certificate">PFX with the process's certificate and private key.</param>
/// <param name="Authority">The certificate authority that signs every process of the cluster, PEM or DER.</param>
public sealed record TlsFiles(string Certificate, string Password, string Authority)
{
    public const string CertificateVariable = "ALIGNPROP_TLS_PFX";
    public const string PasswordVariable = "ALIGNPROP_TLS_PASSWORD";

    /// <summary>A file with the password, as containers are given secrets.</summary>
    public const string PasswordFileVariable = "ALIGNPROP_TLS_PASSWORD_FILE";

    public const string AuthorityVariable = "ALIGNPROP_TLS_CA";

    /// <summary>
    /// From the command line, else from the environment; null when neither names a certificate. The password comes from the
    /// environment, or a file named there, only: command lines can be read by every user of a machine.
    /// </summary>
    /// <exception cref="RemotingSecurityException">The password's file cannot be read.</exception>
    /// <param name="authority">Without one: ca.crt beside the certificate, where docker/certificates.sh puts it.</param>
    public static TlsFiles? Find(string? certificate = null, string? authority = null)
    {
        certificate = Given(certificate) ?? Variable(CertificateVariable);
        return certificate is null
            ? null
            : new TlsFiles(certificate, Variable(PasswordVariable) ?? FromFile(Variable(PasswordFileVariable)) ?? "",
                Given(authority) ?? Variable(AuthorityVariable)
                    ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(certificate))!, "ca.crt"));
    }

    /// <summary>Without the password.</summary>
    public override string ToString() => $"{Certificate} signed by {Authority}";

    private static string? FromFile(string? path)
    {
        try
        {
            return path is null ? null : File.ReadAllText(path).TrimEnd('\r', '\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RemotingSecurityException($"{PasswordFileVariable}: {e.Message}", e);
        }
    }

    private static string? Variable(string name) => Given(Environment.GetEnvironmentVariable(name));

    private static string? Given(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}
