using System.CommandLine;
using AlignProp.Chaos;

var seed = new Option<int>("--seed")
{
    Description = "Decides which failure comes when, and where.",
    DefaultValueFactory = _ => 1
};
var failures = new Option<int?>("--failures") { Description = "How many." };
var full = new Option<bool>("--full")
{
    Description = "The shipped model, PostgreSQL, a standby, and hosts in network namespaces "
    + "under TLS (root, iproute2, nftables, openssl, PostgreSQL). Default: made-up gradients, SQLite and the loopback, in about "
    + "a minute."
};
var only = new Option<FailureKind?>("--only") { Description = "Only this kind of failure." };
var keep = new Option<bool>("--keep") { Description = "Keep the working folder." };
var root = new RootCommand(
    "Real processes, killed, hung, drained, cut off and started again at random: the run must end with the adapters of an "
    + "undisturbed one. Exit codes: 0 every failure was made and every adapter is equal; 1 one differs, or the run did not go "
    + "on; 2 bad input; 3 all are equal, but the run was over before every failure was made.")
{ seed, failures, full, only, keep };
failures.Validators.Add(result =>
{
    if (result.GetValueOrDefault<int?>() is < 1 or > 200)
    {
        result.AddError("--failures: expected 1 to 200; the run is made as long as they need");
    }
});
root.SetAction(async (parsed, _) =>
{
    var plan = parsed.GetValue(full) ? ChaosPlan.Full : ChaosPlan.Short;
    plan = plan with { Seed = parsed.GetValue(seed), Failures = parsed.GetValue(failures) ?? plan.Failures };
    if (parsed.GetValue(only) is { } kind)
    {
        plan = plan with { Kinds = [kind] };
    }
    await using var folder = new WorkingFolder(parsed.GetValue(keep));
    return await new ChaosRun(plan, folder.Path).RunAsync();
});
var line = root.Parse(args);
if (line.Errors.Count > 0)
{
    Console.Error.WriteLine(line.Errors[0].Message);
    return 2;
}
return await line.InvokeAsync();
