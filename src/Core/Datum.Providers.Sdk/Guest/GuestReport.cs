using System.Globalization;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>
/// A report of the beacon (<see cref="GuestBeacon"/>), as a driver reads it. Whoever is root in the guest may have written anything: of names and
/// states only what could be ours is taken, and few of them.
/// </summary>
public sealed record GuestReport
{
    /// <summary>How long a beacon may be silent before its guest isn't ready any more. Several reports may get lost.</summary>
    public static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(5);

    private const int Most = 64;
    private const int MostNamed = 5;
    private const string Active = "active";

    // The clock of a guest that has just begun may be a little behind the platform's.
    private static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(5);

    /// <summary>Everything runs, listens and is mounted.</summary>
    public bool Ready { get; init; }

    /// <summary>When it was made, by the guest's clock; null when it doesn't say.</summary>
    public DateTimeOffset? Time { get; init; }

    /// <summary>How long the beacon had been silent when this was read, where that is too long; else null.</summary>
    public TimeSpan? Silent { get; init; }

    /// <summary>Containers by name with systemd's state, their restarts and their ports that aren't open.</summary>
    public ImmutableArray<GuestReportUnit> Containers { get => field.IsDefault ? [] : field; init; }

    /// <summary>Disks by name with the state of their mounts.</summary>
    public ImmutableArray<GuestReportUnit> Disks { get => field.IsDefault ? [] : field; init; }

    /// <summary>A machine's ports that nobody listens on, as <c>NAME 80/TCP</c>.</summary>
    public ImmutableArray<string> ClosedPorts { get => field.IsDefault ? [] : field; init; }

    /// <summary>State of the guest's own firewall; null when it has none.</summary>
    public string? Firewall { get; init; }

    /// <summary>State of the unit that unpacks secrets: <c>active</c> once they are on the guest's own disk; null when it doesn't say.</summary>
    public string? Secrets { get; init; }

    /// <summary>What it says of the guest.</summary>
    public GuestHealth Health => Ready && Silent is null ? GuestHealth.Ready : GuestHealth.NotReady;

    /// <summary>A report; null for what isn't one: it may be half written.</summary>
    public static GuestReport? Parse(ReadOnlySpan<char> text)
    {
        if (text.IsWhiteSpace())
            return null;
        try
        {
            using var document = JsonDocument.Parse(text.ToString(), new JsonDocumentOptions { MaxDepth = 8 });
            var report = document.RootElement;
            return report.ValueKind != JsonValueKind.Object || !report.TryGetProperty("ready", out var ready) ? null : new GuestReport
            {
                Ready = ready.ValueKind == JsonValueKind.True,
                Time = report.TryGetProperty("time", out var time) && time.ValueKind == JsonValueKind.Number && time.TryGetInt64(out var seconds) && seconds is > 0 and < 253_402_300_799
                    ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null,
                Containers = Units(report, "containers"),
                Disks = Units(report, "disks"),
                ClosedPorts = Closed(report),
                Firewall = report.TryGetProperty("firewall", out var firewall) && !(firewall.ValueKind == JsonValueKind.String && firewall.ValueEquals("none")) ? State(firewall) : null,
                Secrets = report.TryGetProperty("secrets", out var secrets) ? State(secrets) : null,
            };
        }
        // A lone surrogate is no text.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>The newest whole report among a console's lines (<see cref="BeaconRoute.Line"/>); null when there is none.</summary>
    public static GuestReport? ParseLines(string? console)
    {
        const string marker = "DATUM-BEACON ";
        for (var text = console.AsSpan(); text.LastIndexOf(marker, StringComparison.Ordinal) is >= 0 and var at; text = text[..at])
        {
            var line = text[(at + marker.Length)..];
            var end = line.IndexOfAny('\r', '\n');
            // One that is being written just now, or that something else wrote into, isn't whole: an older one counts.
            if (Parse(end < 0 ? line : line[..end]) is { } report)
                return report;
        }

        return null;
    }

    /// <summary>
    /// Null when the report was made before its machine was <paramref name="started"/>: that guest is over. Silent when it is older than
    /// <see cref="LongestSilence"/> at <paramref name="now"/>. Both by the platform's clock, which guests follow; null where it doesn't say.
    /// </summary>
    public GuestReport? At(DateTimeOffset? now, DateTimeOffset? started = null) =>
        Time is not { } made ? this
        : started is { } start && made < start - ClockSkew ? null
        : now is { } read && read - made > LongestSilence ? this with { Silent = read - made } : this;

    /// <summary>The containers of the wish as the guest reports them; without one, those that it names. Empty when it reports none.</summary>
    public ImmutableArray<ContainerFacts> ToContainerFacts(InstanceSpec? desired)
    {
        if (Containers.IsEmpty)
            return [];
        var known = Containers.GroupBy(c => c.Name, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
        return [.. (desired?.Sandbox?.Containers.Select(c => c.Name) ?? known.Keys.Order(StringComparer.Ordinal)).Select(name => Facts(name, known.GetValueOrDefault(name)))];
    }

    /// <summary>Why the guest isn't ready, as part of a sentence for its user.</summary>
    public string ToMessage()
    {
        if (Silent is { } silent)
            return string.Create(CultureInfo.InvariantCulture, $"the guest hasn't reported for {Math.Min((long)silent.TotalMinutes, 9999)} minutes");
        var wrong = Containers.Where(c => c.State != Active).Select(c => $"container {c.Name} is {c.State}")
            .Concat(Containers.SelectMany(c => c.ClosedPorts.Select(p => $"container {c.Name} doesn't listen on {p}")))
            .Concat(Disks.Where(d => d.State != Active).Select(d => $"disk {d.Name} is {d.State}"))
            .Concat(ClosedPorts.Select(p => $"nobody listens on {p}"))
            .Concat(Firewall is null or Active ? [] : [$"its firewall is {Firewall}"]).ToList();
        return wrong.Count == 0 ? "the guest reports that it isn't ready"
            : string.Join(", ", wrong.Take(MostNamed)) + (wrong.Count > MostNamed ? string.Create(CultureInfo.InvariantCulture, $" and {wrong.Count - MostNamed} more") : "");
    }

    private static ContainerFacts Facts(string name, GuestReportUnit? unit) => unit switch
    {
        { State: Active } => new ContainerFacts { Name = name, Running = true },
        { State: "failed" } or { Restarts: > 0 } => new ContainerFacts
        {
            Name = name, Running = false, Reason = "InstanceCrashing",
            Message = string.Create(CultureInfo.InvariantCulture, $"its unit is {unit.State} after {unit.Restarts} restarts"),
        },
        _ => new ContainerFacts { Name = name, Running = false, Reason = "Provisioning" },
    };

    private static ImmutableArray<GuestReportUnit> Units(JsonElement report, string member)
    {
        var units = ImmutableArray.CreateBuilder<GuestReportUnit>();
        foreach (var item in Items(report, member))
            if (Name(item) is { } name)
                units.Add(new GuestReportUnit
                {
                    Name = name,
                    State = item.TryGetProperty("state", out var state) ? State(state) : "unknown",
                    Restarts = item.TryGetProperty("restarts", out var restarts) && restarts.ValueKind == JsonValueKind.Number && restarts.TryGetInt32(out var count) ? Math.Max(count, 0) : 0,
                    ClosedPorts = Closed(item),
                });
        return units.ToImmutable();
    }

    private static ImmutableArray<string> Closed(JsonElement of)
    {
        var closed = ImmutableArray.CreateBuilder<string>();
        foreach (var port in Items(of, "ports"))
            if (port.TryGetProperty("listening", out var listening) && listening.ValueKind == JsonValueKind.False && Name(port) is { } name
                && port.TryGetProperty("port", out var number) && number.ValueKind == JsonValueKind.Number && number.TryGetUInt16(out var value)
                && port.TryGetProperty("protocol", out var protocol) && protocol.ValueKind == JsonValueKind.String && protocol.GetString() is "TCP" or "UDP")
                closed.Add(string.Create(CultureInfo.InvariantCulture, $"{name} {value}/{protocol.GetString()}"));
        return closed.ToImmutable();
    }

    private static IEnumerable<JsonElement> Items(JsonElement of, string member) =>
        of.TryGetProperty(member, out var list) && list.ValueKind == JsonValueKind.Array ? list.EnumerateArray().Where(i => i.ValueKind == JsonValueKind.Object).Take(Most) : [];

    private static string? Name(JsonElement of) =>
        of.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String && name.GetString() is { } text && GuestText.IsDeviceName(text) ? text : null;

    private static string State(JsonElement state) => state.ValueKind == JsonValueKind.String
        && state.GetString() is Active or "activating" or "inactive" or "deactivating" or "failed" or "reloading" or "maintenance" ? state.GetString()! : "unknown";
}

/// <summary>A container or disk of a <see cref="GuestReport"/>.</summary>
public sealed record GuestReportUnit
{
    /// <summary>Its name in the specification.</summary>
    public required string Name { get; init; }

    /// <summary>systemd's word, e.g. <c>active</c>; <c>unknown</c> for any that isn't one.</summary>
    public required string State { get; init; }

    /// <summary>How often it was started again.</summary>
    public int Restarts { get; init; }

    /// <summary>Ports that it doesn't listen on, as <c>NAME 80/TCP</c>.</summary>
    public ImmutableArray<string> ClosedPorts { get => field.IsDefault ? [] : field; init; }
}
