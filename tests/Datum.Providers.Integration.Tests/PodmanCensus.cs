using System.Diagnostics;
using System.Text.Json;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>One labelled application container at one moment.</summary>
internal sealed record Seen(string Identity, string Container, string Hostname, string Id, bool Running);

/// <summary>
/// Counts an installation's containers through Podman's own socket every 100 ms, without the host and on a thread of its own.
/// Law L1: at no moment are there two for one identity, nor for one Instance (its host name).
/// </summary>
internal sealed class PodmanCensus : IAsyncDisposable
{
    private readonly PodmanHost _podman;
    private readonly string _filter;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<string> _violations = [];
    private readonly Thread _thread;
    private TimeSpan _longest;

    public PodmanCensus(PodmanHost podman, string installation)
    {
        _podman = podman;
        _filter = "filters=" + Uri.EscapeDataString($$"""{"label":["datum-install={{installation}}"]}""");
        _thread = new Thread(Count) { IsBackground = true, Name = "census" };
        _thread.Start();
    }

    public int Samples { get; private set; }

    /// <summary>The most containers, and the most running ones, that one identity or Instance had at one moment.</summary>
    public int MostForOne { get; private set; }

    /// <summary>The fewest running containers at any moment since <see cref="Reset"/>.</summary>
    public int FewestRunning { get; private set; } = int.MaxValue;

    public int MostRunning { get; private set; }

    /// <summary>How many containers the last count saw, and how many of them running, as <c>3/2</c>.</summary>
    public string Last { get; private set; } = "0/0";

    /// <summary>The longest time between two counts: what it couldn't have seen.</summary>
    public TimeSpan LongestGap => _longest;

    public IReadOnlyList<string> Violations
    {
        get { lock (_violations) return [.. _violations]; }
    }

    public void Reset() => (FewestRunning, MostRunning) = (int.MaxValue, 0);

    public static async Task<IReadOnlyList<Seen>> LookAsync(PodmanHost podman, string filter)
    {
        var containers = await ArrayAsync(podman, $"containers/json?all=true&{filter}");
        var pods = (await ArrayAsync(podman, $"pods/json?{filter}")).ToDictionary(p => p.GetProperty("Id").GetString()!, Hostname);
        return
        [
            .. containers.Where(c => !c.GetProperty("IsInfra").GetBoolean() && Label(c, "datum-container") is not null).Select(c => new Seen(
                Label(c, "datum-name") ?? "", Label(c, "datum-container")!,
                // A pod that was made between the two answers is asked for next time.
                c.GetProperty("Pod").GetString() is { } pod && pods.TryGetValue(pod, out var name) ? name : "",
                c.GetProperty("Id").GetString()!, c.GetProperty("State").GetString() == "running")),
        ];
    }

    public static Task<IReadOnlyList<Seen>> OfInstallationAsync(PodmanHost podman, string installation) =>
        LookAsync(podman, "filters=" + Uri.EscapeDataString($$"""{"label":["datum-install={{installation}}"]}"""));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _thread.Join();
        _stop.Dispose();
    }

    private void Count()
    {
        var since = Stopwatch.StartNew();
        var last = TimeSpan.Zero;
        while (!_stop.Token.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(100)))
        {
            IReadOnlyList<Seen> seen;
            try
            {
                seen = LookAsync(_podman, _filter).GetAwaiter().GetResult();
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
            {
                // Counts as a gap; the test reports the longest one.
                continue;
            }
            Samples++;
            _longest = since.Elapsed - last > _longest ? since.Elapsed - last : _longest;
            last = since.Elapsed;
            var running = seen.Count(s => s.Running);
            Last = $"{seen.Count}/{running}";
            (FewestRunning, MostRunning) = (Math.Min(FewestRunning, running), Math.Max(MostRunning, running));
            Judge("identity", seen.GroupBy(s => $"{s.Identity}/{s.Container}"));
            Judge("Instance", seen.Where(s => s.Hostname.Length > 0).GroupBy(s => $"{s.Hostname}/{s.Container}"));
        }
    }

    private void Judge(string what, IEnumerable<IGrouping<string, Seen>> groups)
    {
        foreach (var group in groups)
        {
            var many = group.Select(s => s.Id).Distinct().Count();
            MostForOne = Math.Max(MostForOne, many);
            if (many > 1)
                lock (_violations)
                    _violations.Add($"{DateTime.UtcNow:HH:mm:ss.fff} {many} containers for one {what} {group.Key}: {string.Join(", ", group)}");
        }
    }

    private static async Task<List<JsonElement>> ArrayAsync(PodmanHost podman, string address)
    {
        using var document = JsonDocument.Parse(await podman.Client.GetStringAsync(new Uri(address, UriKind.Relative)));
        return document.RootElement.ValueKind is JsonValueKind.Array ? [.. document.RootElement.EnumerateArray().Select(e => e.Clone())] : [];
    }

    private static string? Label(JsonElement item, string key) =>
        item.TryGetProperty("Labels", out var labels) && labels.ValueKind is JsonValueKind.Object && labels.TryGetProperty(key, out var value) ? value.GetString() : null;

    // The driver keeps what a pod was made from in a label; the host name in it is the Instance's name.
    private static string Hostname(JsonElement pod)
    {
        if (Label(pod, "datum-spec") is not { } text)
            return "";
        using var spec = JsonDocument.Parse(text);
        return spec.RootElement.TryGetProperty("hostname", out var name) ? name.GetString() ?? "" : "";
    }
}
