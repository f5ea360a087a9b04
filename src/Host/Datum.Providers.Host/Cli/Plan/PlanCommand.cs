using System.CommandLine;
using Datum.Providers.Engine.Policies;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Loader;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Cli.Plan;

/// <summary><c>plan</c></summary>
internal static class PlanCommand
{
    /// <summary>Exit code when something would change.</summary>
    public const int Changes = 3;

    public static Command Create(CliContext context)
    {
        var files = new Option<string[]>("--filename", "-f") { Description = "A manifest file, a folder of them, or - for standard input; may be repeated.", HelpName = "FILE|FOLDER|-", Required = true };
        var recursive = new Option<bool>("--recursive", "-R") { Description = "Look into the folders of a folder too." };
        var drivers = PlaneOptions.Drivers();
        var access = new PlaneConnection(context);
        var ns = PlaneConnection.Namespace();
        var development = new Option<bool>("--development") { Description = "The plane is one of dev: a ProviderConfig without allowed allows everybody." };
        return new CliCommand("plan", "Prints what would change at the platforms if manifests were applied, field by field, and changes nothing: neither there nor at the plane. Exit code 3 when something would change, 1 when something is refused or can't be told.",
            new CliExample("datum-providers plan -f workload.yaml --drivers drivers --kubeconfig kc --namespace default --development", "What a new image would do"),
            new CliExample("datum-providers plan -f workload.yaml --drivers drivers --kubeconfig kc --namespace default --development -o json", "For a script"))
        {
            files, recursive, drivers, access.Kubeconfig, access.KubeContext, ns, development,
        }.Does(context, async (result, output, cancellation) =>
        {
            var read = ManifestFiles.Read(result.GetRequiredValue(files), result.GetValue(recursive), context.Terminal);
            var volume = result.GetRequiredValue(drivers);
            var catalog = DriverCatalog.Load(new DriverVolumeOptions { Path = volume }, NullLoggerFactory.Instance, TimeProvider.System);
            if (catalog.Drivers.Count == 0)
                throw new CliException($"--drivers '{volume}': no driver of it can be loaded. See 'datum-providers drivers verify {volume}'.");
            return await access.WithAsync(result, async client =>
            {
                output.Progress("Looking ...");
                var connector = new DriverConnector(catalog, NullLoggerFactory.Instance, TimeProvider.System, volume);
                return await RunAsync(new PlanRequest(read, access.NamespaceOf(result, ns), result.GetValue(development)), client, connector, SystemScheduler.Instance, output, cancellation);
            }, cancellation);
        });
    }

    /// <summary>Everything behind plane and drivers.</summary>
    internal static async Task<int> RunAsync(
        PlanRequest request, IKubernetesClient client, Engine.Sessions.IDriverConnector drivers, IScheduler scheduler, IConsoleOutput output, CancellationToken cancellation)
    {
        var reader = new ReadOnlyClient(client);
        string uid;
        try
        {
            uid = await PlaneChecks.IdentityAsync(reader, cancellation);
        }
        catch (HostStartException e)
        {
            throw new CliException(e.Message);
        }
        var verdict = await InstallationVerdict.FindAsync(reader, request.HostNamespace, uid, null, cancellation);
        var space = PlanSpace.Create(reader, verdict, request.HostNamespace, "default");
        using var checker = new ManifestChecker(new HostRules(null, rules: false));
        var findings = await checker.CheckAsync(request.Files, space.AddAsync);
        if (findings.FirstOrDefault(f => f.Severity == FindingSeverity.Error) is { } wrong)
            throw new CliException($"{wrong.File}:{wrong.Line}: {wrong.Kind}{(wrong.Name is null ? "" : $"/{wrong.Name}")}: {wrong.Field}: {wrong.Message} datum-providers validate tells all.");
        var planner = new Planner(space.Home, space.Plane, new ReadOnlyConnector(drivers), new CredentialSource(space.Home), scheduler, NullLoggerFactory.Instance, request.Development);
        try
        {
            var targets = await space.FillAsync(cancellation);
            var run = new PlanRun(space, planner);
            var entries = await run.ForAsync(targets, cancellation);
            var notes = verdict.Unconfirmed is { } why ? [.. run.Notes, $"The host would do nothing of this now: {why}"] : run.Notes;
            var plan = PlanResult.Of(entries, notes);
            output.Result(plan, CliJson.Readable.PlanResult, PlanText.Write);
            if (entries.Count == 0)
                output.Warning("The manifests have no Workload, Instance, Network, Location or ProviderConfig that anything at a platform depends on.");
            return plan.Refused + plan.Unknown > 0 ? ExitCodes.Failed : plan.Changes > 0 ? Changes : ExitCodes.Done;
        }
        finally
        {
            planner.Close();
        }
    }
}

/// <summary>What is planned.</summary>
internal sealed record PlanRequest(IReadOnlyList<Resources.Manifests.ManifestFile> Files, string HostNamespace, bool Development);
