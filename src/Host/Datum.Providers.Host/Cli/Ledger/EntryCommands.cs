using System.CommandLine;

namespace Datum.Providers.Host.Cli.Ledger;

/// <summary><c>abandon</c>, <c>release</c> and <c>settle</c>: what only a person may decide about an entry of the ledger.</summary>
internal static class EntryCommands
{
    public static Command Abandon(CliContext context)
    {
        var entry = Entry();
        var access = new PlaneConnection(context);
        var yes = PlaneConnection.Yes();
        var force = new Option<bool>("--force") { Description = "Also when its owner still wants it, others use it, or the platform still answers for it." };
        return new CliCommand("abandon", "Lets go of a ledger entry without a call to the platform: for an account that is gone, or when a person decides. What is there stays there.",
            new CliExample("datum-providers abandon 3f0c9a52 --yes", "The account of this entry is gone"),
            new CliExample("datum-providers abandon 3f0c9a52 --force --yes -o json", "Leave what is there, whoever wants it"))
        {
            entry, access.Kubeconfig, access.KubeContext, yes, force,
        }.Does(context, (result, output, cancellation) => access.WithAsync(result, async client =>
        {
            var desk = new EntryDesk(client, TimeProvider.System);
            var (found, ledger) = await desk.FindAsync(result.GetRequiredValue(entry), cancellation);
            var dependents = ledger.Where(e => e.Spec.DependsOn?.Exists(d => d.Name == found.Metadata.Name) == true).Select(e => $"{e.Spec.Kind} of {EntryRules.Owner(e)}").ToList();
            if (EntryRules.Abandon(found, await desk.OwnerAsync(found, cancellation), dependents, desk.Now, result.GetValue(force)) is { } refused)
                throw new CliException($"{found.Spec.Kind} {found.Metadata.Name} isn't abandoned: {refused}");
            Confirmed(result.GetValue(yes), $"Abandons {found.Spec.Kind} {found.Metadata.Name} of {EntryRules.Owner(found)}: the ledger forgets it, no platform is called, and what is there{Ids(found)} is nobody's.");
            await desk.AbandonAsync(found, cancellation);
            output.Result(EntryDesk.Result(found, "abandoned; what is at the platform stays there"), CliJson.Readable.EntryDecisionResult, EntryDecisionResult.Write);
            return ExitCodes.Done;
        }, cancellation));
    }

    public static Command Release(CliContext context)
    {
        var entry = Entry();
        var access = new PlaneConnection(context);
        var yes = PlaneConnection.Yes();
        return new CliCommand("release", "Says that an entry whose owner is lost isn't wanted any more: the host deletes its object at the platform.",
            new CliExample("datum-providers release 3f0c9a52 --yes", "Its owner is gone for good (OwnerLost)"))
        {
            entry, access.Kubeconfig, access.KubeContext, yes,
        }.Does(context, (result, output, cancellation) => access.WithAsync(result, async client =>
        {
            var desk = new EntryDesk(client, TimeProvider.System);
            var (found, _) = await desk.FindAsync(result.GetRequiredValue(entry), cancellation);
            if (!found.Spec.Wanted)
            {
                output.Result(EntryDesk.Result(found, "it wasn't wanted any more before"), CliJson.Readable.EntryDecisionResult, EntryDecisionResult.Write);
                return ExitCodes.Done;
            }
            if (EntryRules.Release(found, await desk.OwnerAsync(found, cancellation)) is { } refused)
                throw new CliException($"{found.Spec.Kind} {found.Metadata.Name} isn't released: {refused}");
            Confirmed(result.GetValue(yes), $"Releases {found.Spec.Kind} {found.Metadata.Name} of {EntryRules.Owner(found)}: the host deletes{Ids(found)} at the platform. It can't be taken back.");
            await desk.ReleaseAsync(found, cancellation);
            output.Result(EntryDesk.Result(found, "released; the host deletes it at the platform"), CliJson.Readable.EntryDecisionResult, EntryDecisionResult.Write);
            return ExitCodes.Done;
        }, cancellation));
    }

    public static Command Settle(CliContext context)
    {
        var entry = Entry();
        var access = new PlaneConnection(context);
        var yes = PlaneConnection.Yes();
        var made = new Option<string?>("--made") { Description = "The platform's id of what the create made.", HelpName = "ID" };
        var notMade = new Option<bool>("--not-made") { Description = "The create made nothing: it may be tried again." };
        return new CliCommand("settle", "Says what came of a create whose answer was lost and that can't be repeated (NeedsPerson), after a look at the platform.",
            new CliExample("datum-providers settle 3f0c9a52 --not-made --yes", "Nothing was made"),
            new CliExample("datum-providers settle 3f0c9a52 --made i-0a1b --yes", "This was made"))
        {
            entry, access.Kubeconfig, access.KubeContext, made, notMade, yes,
        }.Does(context, (result, output, cancellation) => access.WithAsync(result, async client =>
        {
            var id = result.GetValue(made);
            if ((id is { Length: > 0 }) == result.GetValue(notMade))
                throw new CliException("Give --made ID or --not-made, whichever the platform shows.", ExitCodes.Usage);
            var desk = new EntryDesk(client, TimeProvider.System);
            var (found, _) = await desk.FindAsync(result.GetRequiredValue(entry), cancellation);
            if (EntryRules.Settle(found) is { } refused)
                throw new CliException($"{found.Spec.Kind} {found.Metadata.Name} isn't settled: {refused}");
            var intent = found.Spec.Record.Intent!;
            Confirmed(result.GetValue(yes), id is null
                ? $"Says that '{intent.Step}' of {found.Spec.Kind} {found.Metadata.Name} made nothing: the host does it again. If it did make something, there are two then."
                : $"Says that '{intent.Step}' of {found.Spec.Kind} {found.Metadata.Name} made {id}: the host takes that for its own.");
            await desk.SettleAsync(found, id, cancellation);
            output.Result(EntryDesk.Result(found, id is null ? "settled: nothing was made; the host tries again" : $"settled: {id} was made"), CliJson.Readable.EntryDecisionResult, EntryDecisionResult.Write);
            return ExitCodes.Done;
        }, cancellation));
    }

    private static Argument<string> Entry() => new("ENTRY") { Description = "Name of the ManagedResource, or a beginning of at least 4 characters." };

    private static void Confirmed(bool yes, string what)
    {
        if (!yes)
            throw new CliException($"{what} Nothing was done yet: add --yes.", ExitCodes.Usage);
    }

    private static string Ids(Resources.Providers.ManagedResource entry) => entry.Spec.Record.Parts is { Count: > 0 } parts ? $" ({string.Join(", ", parts.Select(p => $"{p.Name} {p.Id}"))})" : "";
}
