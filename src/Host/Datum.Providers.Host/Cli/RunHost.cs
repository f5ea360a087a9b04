using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Loader;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Cli;

/// <summary>Options of <c>run</c>.</summary>
internal sealed record RunSettings
{
    public string? Kubeconfig { get; init; }
    public string? Context { get; init; }
    public required string Drivers { get; init; }
    public IReadOnlySet<string>? TrustedDigests { get; init; }
    public DriverKeys? DriverKeys { get; init; }

    /// <summary>Folder that outlives the process; null keeps no crash record.</summary>
    public string? State { get; init; }

    public required string Namespace { get; init; }
    public string? Installation { get; init; }
    public bool InstallCrds { get; init; }
    public bool ObserveOnly { get; init; }
    public CoreUse Core { get; init; }
    public Admission.WebhookSettings? Webhook { get; init; }
    public ExportSettings Export { get; init; } = new();

    /// <summary>File that says where the projects are; null for the home plane alone.</summary>
    public string? Projects { get; init; }
}

/// <summary>The host against an API server that somebody else runs.</summary>
internal static class RunHost
{
    public static async Task<int> RunAsync(RunSettings settings, IConsoleOutput output, CancellationToken cancellation)
    {
        using var telemetry = Telemetry.Create();
        using var logging = Telemetry.CreateLogging();
        var logger = logging.CreateLogger("datum-providers");
        try
        {
            var config = KubeConfig.Find(settings.Kubeconfig, settings.Context);
            var projects = settings.Projects is { } file ? Datum.Providers.Host.Projects.FrontDoorFile.Read(file) : null;
            await using var client = new KubernetesClient(config, new KubernetesClientOptions { Logger = logging.CreateLogger<KubernetesClient>() });
            if (settings.InstallCrds)
            {
                // A server that doesn't answer is told in the words of every other start.
                await PlaneChecks.IdentityAsync(client, cancellation);
                // Definitions of ours would change what another's controllers work with.
                await (await PlaneShape.ReadAsync(client, cancellation)).RequireSupportedAsync(client, settings.Core, cancellation);
                await PlaneInstaller.ApplyCrdsAsync(client, Crds.All().Select(c => c.Yaml), cancellation);
            }

            await new HostRuntime(
                new HostSettings
                {
                    DriverVolume = settings.Drivers, TrustedDigests = settings.TrustedDigests, DriverKeys = settings.DriverKeys, StatePath = settings.State, Namespace = settings.Namespace, Installation = settings.Installation,
                    ObserveOnly = settings.ObserveOnly, UseLease = true, Webhook = settings.Webhook, Core = settings.Core, Export = settings.Export, Projects = projects,
                }, client, SystemScheduler.Instance, logging)
            {
                Started = () =>
                {
                    HostLog.Ready(logger, Environment.ProcessId);
                    ReadyResult.Write(output, config.Server, settings.Kubeconfig);
                },
            }.RunAsync(cancellation);
            return ExitCodes.Done;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return ExitCodes.Done;
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException or IOException or InvalidOperationException or KubeConfigException or FormatException)
        {
            HostLog.Failed(logger, e.Message);
            return ExitCodes.Failed;
        }
    }
}
