using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Kubernetes.Controllers;

/// <summary>
/// Slows writes that somebody else undoes. A guarded write proves that the object is the one that was decided on, not that everything else was:
/// two hosts whose caches differ, because one waits to watch again after an outage, would answer each other's write as fast as the server does.
/// Whoever would write what it wrote last once more waits 1 s after that write, then 2 s, up to a minute, and decides anew.
/// Ten minutes of peace start it from the beginning. It knows only the writes of this process; forgetting one costs one more write.
/// </summary>
public sealed partial class Contest(TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Peace = TimeSpan.FromMinutes(10);
    private const int Kept = 1024;

    /// <summary>Undone so often in a row, a write is worth a warning.</summary>
    private const int LoudAfter = 4;

    private readonly ILogger _logger = logger;
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Uid, string Section), Write> _writes = [];
    private int _pruneAt = Kept;

    /// <summary>Throws a conflict that says when to try again while a write has to wait.</summary>
    /// <param name="before">The object that was decided on.</param>
    /// <param name="section">What is written: <c>status</c>, or empty for the rest.</param>
    /// <param name="content">See <see cref="Content"/>.</param>
    public void Check<T>(ResourceType<T> type, T before, string section, string content) where T : KubeObject
    {
        TimeSpan wait;
        int times;
        lock (_gate)
        {
            if (!TryFind(before, section, content, out var last) || last.At + Delay(last.Times) is var due && due <= time.GetUtcNow())
                return;
            (times, wait) = (last.Times + 1, due - time.GetUtcNow());
        }

        if (times == LoudAfter)
            LogContested(type.ToString(), before.Key, times);
        throw new KubernetesException(409, "Conflict", $"{type} {before.Key} was changed back by somebody else", wait);
    }

    /// <summary>Remembers a write that the server took.</summary>
    public void Wrote(KubeObject before, KubeObject after, string section, string content)
    {
        if (after.Metadata.Uid is not { } uid)
            return;
        lock (_gate)
        {
            var times = TryFind(before, section, content, out var last) ? last.Times + 1 : 0;
            _writes[(uid, section)] = new(content, after.Metadata.ResourceVersion, time.GetUtcNow(), times);
            if (_writes.Count < _pruneAt)
                return;
            var old = time.GetUtcNow() - Peace;
            foreach (var key in _writes.Where(w => w.Value.At < old).Select(w => w.Key).ToList())
                _writes.Remove(key);
            _pruneAt = Math.Max(Kept, 2 * _writes.Count);
        }
    }

    /// <summary>What a write makes of a section, without the times of its conditions: those differ at each attempt.</summary>
    public static string Content<T>(ResourceType<T> type, T value, params ReadOnlySpan<string> sections) where T : KubeObject
    {
        var node = JsonSerializer.SerializeToNode(value, type.Json);
        var content = new JsonArray();
        foreach (var section in sections)
        {
            var part = node?[section]?.DeepClone();
            if (part is JsonObject metadata && section == "metadata")
            {
                metadata.Remove("resourceVersion");
                metadata.Remove("generation");
                metadata.Remove("managedFields");
            }

            foreach (var condition in (part as JsonObject)?["conditions"] as JsonArray ?? [])
                (condition as JsonObject)?.Remove("lastTransitionTime");
            content.Add(part);
        }

        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(content.ToJsonString())).AsSpan(0, 16));
    }

    private bool TryFind(KubeObject before, string section, string content, [NotNullWhen(true)] out Write? last) =>
        _writes.TryGetValue((before.Metadata.Uid ?? "", section), out last)
        && last.Content == content
        && time.GetUtcNow() - last.At < Peace
        // Older than our own write: the server refuses it.
        && ResourceVersions.Compare(before.Metadata.ResourceVersion, last.Version) >= 0;

    private static TimeSpan Delay(int times) => times >= 6 ? Longest : TimeSpan.FromTicks(Math.Min(Longest.Ticks, First.Ticks << times));

    private sealed record Write(string Content, string? Version, DateTimeOffset At, int Times);

    [LoggerMessage(EventId = 2501, Level = LogLevel.Warning, Message = "{Type} {Key}: what was written there was changed back {Times} times in a row; is another host with this installation id at work?")]
    private partial void LogContested(string type, ObjectKey key, int times);
}
