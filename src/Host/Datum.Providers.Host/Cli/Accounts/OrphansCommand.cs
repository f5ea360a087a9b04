using System.CommandLine;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Cli.Accounts;

/// <summary><c>orphans</c></summary>
internal static class OrphansCommand
{
    /// <summary>Exit code when something was found or is held.</summary>
    public const int Found = 3;

    public static Command Create(CliContext context)
    {
        var plane = new PlaneConnection(context);
        return new CliCommand("orphans", "Lists what the accounts have that the ledger doesn't explain, and what waits for a person, as the host wrote it on the ProviderConfigs. Exit code 3 when there is something.",
            new CliExample("datum-providers orphans --kubeconfig kc", "What carries our mark and has no entry"),
            new CliExample("datum-providers orphans --kubeconfig kc -o json", "The same for a script"))
        {
            plane.Kubeconfig, plane.KubeContext,
        }.Does(context, (result, output, cancellation) => plane.WithAsync(result, client => RunAsync(client, output, cancellation), cancellation));
    }

    internal static async Task<int> RunAsync(IKubernetesClient client, IConsoleOutput output, CancellationToken cancellation)
    {
        var page = await client.ListAsync(ResourceTypes.ProviderConfigs, new ListOptions(), cancellation);
        var found = OrphansResult.Of(page.Items);
        output.Result(found, CliJson.Readable.OrphansResult, Write);
        return found.Configs.Count == 0 ? ExitCodes.Done : Found;
    }

    private static void Write(OrphansResult result, TextResult text)
    {
        if (result.Configs.Count == 0)
            text.Line("Nothing: every object with our mark has its entry, and nothing waits for a person.");
        foreach (var config in result.Configs)
        {
            text.Line(new Styled(config.ProviderConfig, Tone.Strong), $" (driver {config.Driver}, account {config.AccountId ?? "-"}, policy {config.Policy}): {config.Orphans} orphans, {config.EarlierLives} of earlier lives, {config.Copies} copies, {config.MarksMissing} without mark");
            text.Table(["TYPE", "KIND", "ID", "NAME", "INCARNATION", "SINCE", "VERDICT"],
            [
                .. config.Items.Select(i => (Styled[])[i.Type, i.Kind, i.Id, i.Name, i.Incarnation.ToString(System.Globalization.CultureInfo.InvariantCulture), Time(i.Since), i.Verdict]),
            ], "  ");
            foreach (var hold in config.Holds)
                text.Line("  ", new Styled(hold.Reason, hold.ConfirmedAt is null ? Tone.Bad : Tone.Plain), $" since {Time(hold.Since)}: {hold.Message} ",
                    hold.ConfirmedAt is null ? new Styled($"datum-providers confirm {hold.Token}", Tone.Strong) : new Styled("Confirmed."));
        }
    }

    private static string Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture) ?? "-";
}
