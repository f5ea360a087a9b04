using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Composition;

/// <summary>
/// Tells of objects that the server has and our types can't read, as a looser schema than ours allows them: one log line and one warning on
/// the object for each fault. The object is left out, the others go on; what was made for it stays.
/// </summary>
internal sealed partial class UnreadableObjects(IKubernetesClient client, IEventRecorder events, IScheduler scheduler, ILogger<UnreadableObjects> logger)
{
    private readonly ConcurrentDictionary<string, string> _told = new(StringComparer.Ordinal);

    public void Report<T>(ResourceType<T> type, UnreadableObject bad) where T : KubeObject
    {
        var name = $"{type}/{bad.Key}/{bad.Uid}";
        if (bad.Deleted)
        {
            _told.TryRemove(name, out _);
            return;
        }
        var message = Sentence(bad.Reason);
        if (_told.TryGetValue(name, out var before) && before == message)
            return;
        _told[name] = message;
        LogUnreadable(logger, type.Kind, bad.Key, message);
        var about = new ObjectReference { ApiVersion = type.ApiVersion, Kind = type.Kind, Namespace = bad.Key.Namespace, Name = bad.Key.Name, Uid = bad.Uid };
        // The reflector calls us between two events: it doesn't wait for a third party. The recorder throws nothing that matters.
        if (bad.Key.Name.Length > 0)
            _ = scheduler.Run(async () => await events.WarnAsync(client, about, Reasons.Unreadable, message, CancellationToken.None));
    }

    /// <summary>The decoder's reason without the names of our types: the field and what to do.</summary>
    internal static string Sentence(string reason)
    {
        var path = PathInReason().Match(reason);
        var what = path.Success && path.Groups[1].Value is { Length: > 0 } field
            ? $"{field} has a value of a type that this host can't read"
            : $"The object can't be read ({reason.TrimEnd('.')})";
        return $"{what}. It is left out, and what was made for it stays as it is. Correct it; the CRD that let it pass is looser than ours (datum-providers crds).";
    }

    [GeneratedRegex(@"Path: \$\.?(\S*?)(?: \||$)")]
    private static partial Regex PathInReason();

    [LoggerMessage(EventId = 1307, Level = LogLevel.Error, Message = "{Kind} {Key} can't be read: {Message}")]
    private static partial void LogUnreadable(ILogger logger, string kind, ObjectKey key, string message);
}
