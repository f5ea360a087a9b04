using Datum.Providers.ControlPlane.Export;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Telemetry;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Composition;

/// <summary>Whether and where export policies send.</summary>
public sealed record ExportSettings
{
    /// <summary>False: nothing is sent, and the policies say so.</summary>
    public bool Enabled { get; init; }

    /// <summary>How often samples are taken. Default 15 s.</summary>
    public TimeSpan Period { get; init; } = TimeSpan.FromSeconds(15);

    public DestinationGuard Guard { get; init; } = new() { OwnAddresses = GuardedHandler.OwnAddresses };
}

/// <summary>Export policies on a plane whose kind is ours; elsewhere the platform's own operator does them and the host stays away.</summary>
/// <param name="seesHost">Whether policies of a namespace may select what the host measures of itself: that tells of all tenants.</param>
internal sealed partial class ExportComposition(ExportSettings settings, Func<string, bool> seesHost, PlaneClient client, IScheduler scheduler, ILoggerFactory logging)
{
    private readonly ILogger _logger = logging.CreateLogger<ExportComposition>();

    /// <summary>Null where no group of the kind is ours. Call it before the watches run.</summary>
    /// <param name="core">Whether the core controllers run here: elsewhere Datum's own kinds have controllers of their own.</param>
    public async Task<ExportControllers?> CreateAsync(bool core, PlaneWatch watch, EventRecorder events, CancellationToken cancellation)
    {
        var ours = new List<ResourceType<ExportPolicy>>();
        foreach (var type in new[] { ResourceTypes.ExportPolicies, ResourceTypes.OlderExportPolicies })
        {
            if (core && await IsOursAsync(type, cancellation))
                ours.Add(type);
        }

        if (ours.Count == 0)
        {
            if (settings.Enabled)
                LogNotOurs(_logger);
            return null;
        }

        LogExport(_logger, settings.Enabled ? "on" : "off");
        return ExportControllers.Create(new ExportOptions
        {
            Client = client, Scheduler = scheduler, LoggerFactory = logging, Caches = watch, Policies = ours,
            Enabled = settings.Enabled, Guard = settings.Guard, Period = settings.Period,
            SeesHost = seesHost,
            Warn = (about, reason, message, c) => events.WarnAsync(client, about, reason, message, c),
        });
    }

    private async Task<bool> IsOursAsync(ResourceType<ExportPolicy> type, CancellationToken cancellation)
    {
        try
        {
            var crd = await client.FindAsync(Core.CustomResourceDefinitions, new ObjectKey(null, $"{type.Plural}.{type.Group}"), cancellation);
            return crd?.Metadata.Label(Labels.Installed) == "true";
        }
        catch (KubernetesException e) when (e.Code == 403)
        {
            // The client has said which right is missing; to guess could have two operators send the same.
            return false;
        }
    }

    [LoggerMessage(EventId = 1010, Level = LogLevel.Information, Message = "Export policies are ours on this plane; sending is {State}")]
    private static partial void LogExport(ILogger logger, string state);

    [LoggerMessage(EventId = 1011, Level = LogLevel.Warning, Message = "Nothing is exported: the plane's Workload and ExportPolicy CRDs aren't ours, so the platform's own operators act on them")]
    private static partial void LogNotOurs(ILogger logger);
}
