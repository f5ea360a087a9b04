using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Drivers.Podman;

/// <summary>
/// Podman's events of containers, pods and volumes. Only containers carry labels in events; pods and volumes are told by their names, which
/// another installation may have too (DC-107: it may name too much). Podman tells nothing of networks that are made or removed: those are the listing's.
/// </summary>
internal sealed partial class PodmanChangeFeed(Session session, CancellationToken ended) : IChangeFeed
{
    public IAsyncEnumerable<Change> WatchAsync(Call call) => ReadAsync(call, CancellationToken.None);

    private async IAsyncEnumerable<Change> ReadAsync(Call call, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, cancellation, ended);
        // A stream has no deadline: it lives until it is cancelled.
        var endless = new Call { Cancellation = both.Token, Deadline = DateTimeOffset.MaxValue, Id = call.Id };
        await using var events = session.Podman.EventsAsync(endless, "container", "pod", "volume").GetAsyncEnumerator(both.Token);
        while (true)
        {
            try
            {
                if (!await events.MoveNextAsync())
                    yield break;
            }
            catch (OperationCanceledException) when (both.IsCancellationRequested)
            {
                yield break;
            }
            catch (DriverException e)
            {
                // The host lists and subscribes again.
                LogEnded(session.Logger, e.Message);
                yield break;
            }

            if (Read(events.Current, session.Connection.Installation) is { } change)
                yield return change;
        }
    }

    /// <summary>The change that an event hints at; null for an event of something else.</summary>
    internal static Change? Read(JsonElement line, string installation)
    {
        if (line.ValueKind != JsonValueKind.Object || !line.TryGetProperty("Actor", out var actor) || actor.ValueKind != JsonValueKind.Object
            || !actor.TryGetProperty("Attributes", out var attributes) || attributes.ValueKind != JsonValueKind.Object)
            return null;
        // Our own looks make these: health checks start a process in the container.
        if (Text(line, "Action") is "exec" or "exec_died" or "health_status" or "inspect")
            return null;
        return Text(line, "Type") switch
        {
            "container" when Text(attributes, Marks.InstallKey) == installation && Text(attributes, Marks.NameKey) is { } name => new Change { Kind = ResourceKind.Instance, Name = name },
            "pod" => Named(ResourceKind.Instance, Text(attributes, "name")),
            "volume" => Named(ResourceKind.Disk, Text(attributes, "name")),
            _ => null,
        };
    }

    // The names that this driver gives: ins-IDENTITY, dsk-IDENTITY.
    private static Change? Named(ResourceKind kind, string? name)
    {
        var prefix = ResourceNames.Prefix(kind) + "-";
        return name?.StartsWith(prefix, StringComparison.Ordinal) == true && name.Length == prefix.Length + 32 ? new Change { Kind = kind, Name = name[prefix.Length..] } : null;
    }

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    [LoggerMessage(Level = LogLevel.Information, Message = "Podman's event stream ended: {Reason}")]
    private static partial void LogEnded(ILogger logger, string reason);
}
