using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>Tells people on the owner's plane what happened to an entry.</summary>
public interface IEventRecorder
{
    /// <summary>Writes an event on the entry's owner. Best effort: a plane that refuses events stops nothing.</summary>
    ValueTask RecordAsync(ManagedResource entry, bool warning, string reason, string message, CancellationToken cancellation);

    /// <summary>Writes a warning on an object itself; on one of cluster scope in namespace <c>default</c>, where Kubernetes keeps those. Best effort.</summary>
    ValueTask WarnAsync(IKubernetesClient client, ObjectReference about, string reason, string message, CancellationToken cancellation);
}

/// <summary>
/// Core events on the owner, one object for each owner and reason that counts its repetitions, so that a crash loop doesn't fill the plane.
/// </summary>
public sealed partial class EventRecorder(Func<string, IKubernetesClient?> planeById, IScheduler scheduler, ILogger<EventRecorder> logger) : IEventRecorder
{
    private const string Component = "datum-providers";

    /// <summary>What an API server takes as an event's message.</summary>
    private const int MaxMessage = 1024;

    public async ValueTask RecordAsync(ManagedResource entry, bool warning, string reason, string message, CancellationToken cancellation)
    {
        var owner = entry.Spec.Owner;
        if (owner.Namespace is null || planeById(owner.Plane) is not { } client)
            return;
        await WriteAsync(client, new ObjectReference { ApiVersion = owner.ApiVersion, Kind = owner.Kind, Namespace = owner.Namespace, Name = owner.Name, Uid = owner.Uid },
            warning, reason, message, cancellation).ConfigureAwait(false);
    }

    public async ValueTask WarnAsync(IKubernetesClient client, ObjectReference about, string reason, string message, CancellationToken cancellation) =>
        await WriteAsync(client, about, warning: true, reason, message, cancellation).ConfigureAwait(false);

    private async Task WriteAsync(IKubernetesClient client, ObjectReference about, bool warning, string reason, string message, CancellationToken cancellation)
    {
        // Kubernetes' events have no fractions of seconds.
        var now = scheduler.Time.GetUtcNow();
        var digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{about.Uid}/{reason}")).AsSpan(0, 8));
        var key = new ObjectKey(about.Namespace ?? "default", $"{about.Name![..Math.Min(about.Name!.Length, 200)]}.{digest}");
        if (message.Length > MaxMessage)
            message = message[..(MaxMessage - 3)] + "...";
        try
        {
            if (await client.FindAsync(Core.Events, key, cancellation).ConfigureAwait(false) is { } known)
            {
                await client.PatchAsync(Core.Events, key, Patch.Merge(new JsonObject
                {
                    ["message"] = message, ["count"] = (known.Count ?? 1) + 1, ["lastTimestamp"] = now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture),
                }), null, cancellation).ConfigureAwait(false);
                return;
            }
            await client.CreateAsync(Core.Events, new CoreEvent
            {
                ApiVersion = "v1", Kind = "Event",
                Metadata = new ObjectMeta { Name = key.Name, Namespace = key.Namespace },
                InvolvedObject = about,
                Type = warning ? "Warning" : "Normal", Reason = reason, Message = message, Count = 1, FirstTimestamp = now, LastTimestamp = now,
                Source = new EventSource { Component = Component }, ReportingComponent = Component,
            }, cancellation).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.IsAlreadyExists || e.IsConflict)
        {
            // Another entry of the owner told the same in this moment.
            LogTold(logger, reason, about.Kind ?? "", about.Name!);
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException)
        {
            LogLost(logger, reason, about.Kind ?? "", about.Name!, e.Message);
        }
    }

    [LoggerMessage(EventId = 2302, Level = LogLevel.Debug, Message = "Event {Reason} on {Kind} {Name} was told by another entry")]
    private static partial void LogTold(ILogger logger, string reason, string kind, string name);

    [LoggerMessage(EventId = 2301, Level = LogLevel.Warning, Message = "Event {Reason} on {Kind} {Name} wasn't written: {Error}")]
    private static partial void LogLost(ILogger logger, string reason, string kind, string name, string error);
}
