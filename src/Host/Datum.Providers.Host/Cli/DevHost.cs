using Datum.Providers.DevPlane;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Loader;
using Datum.Providers.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Cli;

/// <summary>Options of <c>dev</c>.</summary>
internal sealed record DevSettings
{
    public string? State { get; init; }
    public required string Drivers { get; init; }
    public IReadOnlySet<string>? TrustedDigests { get; init; }
    public DriverKeys? DriverKeys { get; init; }
    public int Port { get; init; }
    public required string Kubeconfig { get; init; }
    public bool ObserveOnly { get; init; }

    public ExportSettings Export { get; init; } = new();

    /// <summary>Whether Projects and Organizations have control planes of their own.</summary>
    public bool Projects { get; init; }

    /// <summary>Token file of the front door; null leaves everything to the token in the kubeconfig.</summary>
    public string? Tokens { get; init; }

    internal FrontDoorOptions? FrontDoor => Projects || Tokens is not null ? new FrontDoorOptions { TokenFile = Tokens, Kinds = DatumPlanes.Kinds } : null;
}

/// <summary>Host and embedded plane in one process on loopback. The host speaks to the plane as to any other: over its socket, with its kubeconfig.</summary>
internal static class DevHost
{
    public static async Task<int> RunAsync(DevSettings settings, IConsoleOutput output, CancellationToken cancellation)
    {
        using var telemetry = Telemetry.Create();
        using var logging = Telemetry.CreateLogging();
        var logger = logging.CreateLogger("datum-providers");
        try
        {
            await using var plane = await DevPlaneServer.StartAsync(new DevPlaneOptions { StatePath = settings.State, Port = settings.Port, FrontDoor = settings.FrontDoor, LoggerFactory = logging, CelRules = RuleRegistration.Create() }, cancellation);
            plane.WriteKubeconfig(settings.Kubeconfig);
            HostLog.Listening(logger, plane.Address, settings.Kubeconfig);

            await using var client = new KubernetesClient(KubeConfig.Load(settings.Kubeconfig), new KubernetesClientOptions { Logger = logging.CreateLogger<KubernetesClient>() });
            await new HostRuntime(
                new HostSettings { DriverVolume = settings.Drivers, TrustedDigests = settings.TrustedDigests, DriverKeys = settings.DriverKeys, StatePath = settings.State, Namespace = "default", Development = true, ObserveOnly = settings.ObserveOnly, Export = settings.Export },
                client, SystemScheduler.Instance, logging)
            {
                Started = () =>
                {
                    HostLog.Ready(logger, Environment.ProcessId);
                    ReadyResult.Write(output, plane.Address, settings.Kubeconfig);
                },
            }.RunAsync(cancellation);
            return ExitCodes.Done;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return ExitCodes.Done;
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException or IOException or InvalidOperationException or KubeConfigException or ArgumentException or FormatException)
        {
            HostLog.Failed(logger, e.Message);
            return ExitCodes.Failed;
        }
    }
}
