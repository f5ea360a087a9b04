namespace Datum.Providers.Clouds.Proxmox;

internal sealed record Node(string Name, int Number, int Cpus, long Memory)
{
    public DateTimeOffset Up { get; init; }
}

internal sealed record Storage(string Id, string Type, bool Shared, ImmutableSortedSet<string> Contents, long Total)
{
    /// <summary>Volumes are files with a folder for each machine.</summary>
    public bool IsFiles => Type is "dir" or "nfs" or "cephfs";
}

internal sealed class Volume
{
    /// <summary>After the colon.</summary>
    public required string Name { get; init; }

    public required Storage Storage { get; init; }

    /// <summary>Null where every node sees it.</summary>
    public required string? Node { get; set; }

    public required string Content { get; init; }

    public required string Format { get; init; }

    public required long Size { get; set; }

    public int? Vmid { get; set; }

    /// <summary>The base that a linked clone stands on.</summary>
    public string? Parent { get; set; }

    public string? Notes { get; set; }

    public bool Protected { get; set; }

    public DateTimeOffset Made { get; init; }

    /// <summary>What was uploaded.</summary>
    public byte[] Data { get; init; } = [];

    public int Revision { get; set; }

    public string Id => $"{Storage.Id}:{Name}";
}

internal sealed class Machine
{
    public required int Id { get; init; }

    public required string Node { get; set; }

    /// <summary>As it stands in the file; without <c>digest</c>.</summary>
    public SortedDictionary<string, string> Config { get; } = new(StringComparer.Ordinal);

    /// <summary>What waits for the next start; null for what will be deleted.</summary>
    public SortedDictionary<string, string?> Pending { get; } = new(StringComparer.Ordinal);

    public bool Running { get; set; }

    public DateTimeOffset Started { get; set; }

    /// <summary>When the power state changed last; lists are late with it.</summary>
    public DateTimeOffset PowerChanged { get; set; }

    public DateTimeOffset Made { get; init; }

    public DateTimeOffset ListedFrom { get; set; }

    public DateTimeOffset NamedFrom { get; set; }

    public string? Pool { get; set; }

    public Firewall Firewall { get; set; } = new();

    /// <summary>Until when a task holds its lock, and which.</summary>
    public DateTimeOffset BusyUntil { get; set; }

    public Guest Guest { get; set; } = new();

    public int Revision { get; set; }

    public bool IsTemplate => Config.GetValueOrDefault("template") == "1";

    public string? Lock { get => Config.GetValueOrDefault("lock"); set { if (value is null) Config.Remove("lock"); else Config["lock"] = value; } }

    public IEnumerable<string> Disks => Config.Keys.Where(MachineKeys.IsDisk);
}

/// <summary>What runs inside.</summary>
internal sealed class Guest
{
    /// <summary>Whether the agent answers; null: from the time that the knobs say.</summary>
    public bool? Answers { get; set; }

    /// <summary>What it says of its interfaces; null: what its seed or its configuration gives it.</summary>
    public JsonArray? Interfaces { get; set; }

    public Dictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    public Dictionary<long, GuestAnswer> Commands { get; } = [];

    public long LastPid { get; set; } = 700;
}

internal sealed class Firewall
{
    public SortedDictionary<string, string> Options { get; } = new(StringComparer.Ordinal);

    public List<JsonObject> Rules { get; } = [];

    public SortedDictionary<string, IpSet> IpSets { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, JsonObject> Aliases { get; } = new(StringComparer.Ordinal);

    public Firewall Copy()
    {
        var copy = new Firewall();
        foreach (var (name, value) in Options)
            copy.Options[name] = value;
        copy.Rules.AddRange(Rules.Select(r => (JsonObject)r.DeepClone()));
        foreach (var (name, set) in IpSets)
            copy.IpSets[name] = set.Copy();
        foreach (var (name, alias) in Aliases)
            copy.Aliases[name] = (JsonObject)alias.DeepClone();
        return copy;
    }
}

internal sealed class IpSet
{
    public string? Comment { get; set; }

    public SortedDictionary<string, JsonObject> Entries { get; } = new(StringComparer.Ordinal);

    public int Revision { get; set; }

    public IpSet Copy()
    {
        var copy = new IpSet { Comment = Comment };
        foreach (var (cidr, entry) in Entries)
            copy.Entries[cidr] = (JsonObject)entry.DeepClone();
        return copy;
    }
}

internal sealed class Group
{
    public string? Comment { get; set; }

    public List<JsonObject> Rules { get; } = [];

    public int Revision { get; set; }
}

internal sealed class PveTask
{
    public required string Upid { get; init; }

    public required string Node { get; init; }

    public required string Type { get; init; }

    public required string Id { get; init; }

    public required string User { get; init; }

    public required int Pid { get; init; }

    public required DateTimeOffset Start { get; init; }

    public required DateTimeOffset Due { get; init; }

    public required Action<PveTask> Work { get; init; }

    public List<string> Log { get; } = [];

    /// <summary>How it ended; null while it runs.</summary>
    public string? Exit { get; set; }

    public DateTimeOffset End { get; set; }
}

/// <summary>Names of a machine's settings.</summary>
internal static class MachineKeys
{
    private static readonly string[] Buses = ["scsi", "virtio", "sata", "ide"];
    private static readonly ImmutableHashSet<string> Integers = ["cores", "sockets", "vcpus", "balloon", "shares", "cpuunits", "migrate_speed", "smp"];

    private static readonly ImmutableHashSet<string> Flags =
        ["onboot", "kvm", "numa", "tablet", "acpi", "protection", "template", "autostart", "freeze", "localtime", "ciupgrade", "tdf", "allow-ksm", "reboot"];

    /// <summary>What the platform changes at once in a machine that runs.</summary>
    private static readonly ImmutableHashSet<string> Fast = ["lock", "name", "onboot", "shares", "startup", "description", "protection", "vmstatestorage", "hookscript", "tags"];

    /// <summary>Parameters of a change that are no settings.</summary>
    public static readonly ImmutableHashSet<string> NoSettings =
    [
        "node", "vmid", "digest", "delete", "force", "revert", "skiplock", "background_delay", "import-working-storage", "pool", "start", "storage", "archive", "unique",
        "bwlimit", "live-restore", "ha-managed",
    ];

    public static bool IsDisk(string key) => Buses.Any(b => IsIndexed(key, b)) || key is "efidisk0" or "tpmstate0";

    public static bool IsUnused(string key) => IsIndexed(key, "unused");

    public static bool IsNic(string key) => IsIndexed(key, "net");

    public static bool IsFast(string key) => Fast.Contains(key) || IsNic(key) || IsUnused(key) || (IsDisk(key) && !key.StartsWith("ide", StringComparison.Ordinal));

    public static JsonNode Show(string key, string value)
    {
        if (Integers.Contains(key) && long.TryParse(value, out var number))
            return number;
        return Flags.Contains(key) ? (PveRequest.IsTrue(value) ? 1 : 0) : value;
    }

    private static bool IsIndexed(string key, string word) => key.Length > word.Length && key.StartsWith(word, StringComparison.Ordinal) && key.AsSpan(word.Length).IndexOfAnyExceptInRange('0', '9') < 0;
}

/// <summary>Texts like <c>local-lvm:vm-100-disk-0,size=8G,serial=x</c>.</summary>
internal static class PropertyText
{
    /// <summary>Pairs; what has no name gets <paramref name="first"/>.</summary>
    public static List<KeyValuePair<string, string>> Read(string text, string first) =>
    [
        .. text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(part =>
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            return equals < 0 ? KeyValuePair.Create(first, part) : KeyValuePair.Create(part[..equals], part[(equals + 1)..]);
        }),
    ];

    public static string Write(string first, IEnumerable<KeyValuePair<string, string>> rest) => string.Join(',', [first, .. rest.Select(p => $"{p.Key}={p.Value}")]);

    public static string? Find(string? text, string name, string first) => text is null ? null : Read(text, first).Where(p => p.Key == name).Select(p => p.Value).FirstOrDefault();

    /// <summary>Bytes of <c>32G</c>, <c>512M</c>, or of a number in <paramref name="unit"/>.</summary>
    public static long Bytes(string size, long unit = 1)
    {
        var factor = size.Length == 0 ? 1 : size[^1] switch { 'K' => 1L << 10, 'M' => 1L << 20, 'G' => 1L << 30, 'T' => 1L << 40, _ => 0 };
        var number = factor == 0 ? size : size[..^1];
        return double.TryParse(number, System.Globalization.NumberStyles.AllowDecimalPoint, System.Globalization.CultureInfo.InvariantCulture, out var value)
            ? (long)(value * (factor == 0 ? unit : factor)) : throw new FormatException($"'{size}' is no size.");
    }

    /// <summary>As the platform writes it: the largest unit that leaves no rest.</summary>
    public static string Size(long bytes)
    {
        foreach (var (letter, unit) in ((char, long)[])[('T', 1L << 40), ('G', 1L << 30), ('M', 1L << 20), ('K', 1L << 10)])
            if (bytes >= unit && bytes % unit == 0 && (letter != 'T'))
                return FormattableString.Invariant($"{bytes / unit}{letter}");
        return FormattableString.Invariant($"{bytes}");
    }
}
