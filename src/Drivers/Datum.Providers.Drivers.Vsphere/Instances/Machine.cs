using System.Globalization;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>A virtual machine as it was read.</summary>
internal sealed record Machine
{
    /// <summary>Keys of extraConfig. Guests can write only below <c>guestinfo.</c>, so that these are the driver's alone.</summary>
    public const string SpecKey = "datum.spec";
    public const string GuestKey = "datum.guest";
    public const string DisksKey = "datum.disks";
    public const string RestartKey = "datum.restarted-at";
    public const string SecretsKey = "datum.secrets";
    public const string BeaconKey = "guestinfo.datum.beacon";

    private const string AddressWord = "addresses=";

    /// <summary>What one look reads.</summary>
    public static readonly string[] Paths =
    [
        "name", "config.annotation", "config.instanceUuid", "config.template", "config.files.vmPathName", "config.extraConfig", "config.cpuHotAddEnabled", "config.memoryHotAddEnabled",
        "config.hardware.numCPU", "config.hardware.memoryMB", "config.hardware.device", "runtime.powerState", "runtime.connectionState",
        "runtime.bootTime", "runtime.question", "guest.net", "guest.guestState", "guest.toolsRunningStatus", "guestHeartbeatStatus",
    ];

    /// <summary>What a listing reads: nothing that grows with user data.</summary>
    public static readonly string[] ListPaths =
        ["config.annotation", "config.instanceUuid", "config.template", "config.changeVersion", "config.modified", "runtime.powerState", "runtime.connectionState", "guest.guestState", "guest.toolsRunningStatus", "guest.net"];

    public required MoRef Ref { get; init; }
    public required string Name { get; init; }
    public string? Uuid { get; init; }
    public string Annotation { get; init; } = "";
    public string? Folder { get; init; }
    public ImmutableDictionary<string, string> Extra { get; init; } = ImmutableDictionary<string, string>.Empty;
    public ImmutableArray<VimNode> Devices { get; init; } = [];
    public int? Cpus { get; init; }
    public long? MemoryMiB { get; init; }
    public bool CpuHotAdd { get; init; }
    public bool MemoryHotAdd { get; init; }
    public string? PowerState { get; init; }
    public string? ConnectionState { get; init; }
    public DateTimeOffset? BootTime { get; init; }
    public string? Question { get; init; }
    public ImmutableArray<VimNode> GuestNics { get; init; } = [];
    public string? GuestState { get; init; }
    public bool ToolsRunning { get; init; }
    public string? Heartbeat { get; init; }

    public Mark? Mark => TextMarks.Read(Annotation);

    public bool IsOn => PowerState == "poweredOn";

    public bool IsOff => PowerState is "poweredOff" or "suspended";

    public IEnumerable<VimNode> Nics => Devices.Where(d => d.Find("macAddress") is not null || d.Find("addressType") is not null).OrderBy(d => d.Number("key"));

    public IEnumerable<VimNode> Disks => Devices.Where(d => d.Type == "VirtualDisk").OrderBy(d => d.Number("key"));

    /// <summary>
    /// The medium with the guest's secrets, as long as it isn't known to be gone. Only a file with the machine's own mark: whoever may edit a machine's
    /// options could have any other one deleted.
    /// </summary>
    public SecretsMedium? Secrets => SecretsMedium.Read(Extra.GetValueOrDefault(SecretsKey)) is { } medium && Mark is { } mark && medium.File.Name == SecretsMedium.FileName(mark) ? medium : null;

    /// <summary>The drive that holds it, found by the file's name: datastores are renamed.</summary>
    public VimNode? SecretsDrive => Secrets is not { } medium ? null
        : Devices.FirstOrDefault(d => d.Type == "VirtualCdrom" && d.String("backing", "fileName")?.EndsWith("/" + medium.File.Name, StringComparison.Ordinal) == true);

    /// <summary>What has to be taken off before the machine is destroyed: whatever isn't in the machine's own folder.</summary>
    public IEnumerable<VimNode> DataDisks => Disks.Where(IsApart);

    /// <summary>Addresses that the machine was given, by interface, from its notes.</summary>
    public ImmutableArray<(string Interface, string Address)> Addresses => AddressesOf(Annotation);

    public static ImmutableArray<(string Interface, string Address)> AddressesOf(string? annotation)
    {
        var word = (annotation ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(w => w.StartsWith(AddressWord, StringComparison.Ordinal));
        return word is null ? [] : [.. word[AddressWord.Length..].Split(',').Select(a => a.Split('=', 2)).Where(a => a.Length == 2 && IPAddress.TryParse(a[1], out _)).Select(a => (a[0], a[1]))];
    }

    /// <summary>Notes of a machine of ours: the mark, its addresses, and a word for people.</summary>
    public static string Describe(Identity id, IEnumerable<(string Interface, string Address)> addresses)
    {
        var list = string.Join(',', addresses.Select(a => $"{a.Interface}={a.Address}"));
        return VsphereContext.Texts.Write(Marks.For(id), $"{(list.Length > 0 ? AddressWord + list : "")} {id.Hint}");
    }

    /// <summary>Whether a disk holds a first-class disk, by its id or by the file that was attached.</summary>
    public bool Holds(string diskId, string? device) =>
        Disks.Any(d => d.String("vDiskId", "id") == diskId || (device is not null && AttachedFiles.GetValueOrDefault(device) is { } file && d.String("backing", "fileName") == file));

    /// <summary>Files of data disks by their device names, as they were attached.</summary>
    public SortedDictionary<string, string> AttachedFiles => GuestFingerprint.Read(Extra.GetValueOrDefault(DisksKey));

    /// <summary>Null while the platform doesn't show a configuration: the machine is being made.</summary>
    public static Machine? Read(VimObject item)
    {
        if (item.String("config.instanceUuid") is not { } uuid || item.String("name") is not { } name)
            return null;
        var extra = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var option in item.Find("config.extraConfig")?.All("OptionValue") ?? [])
            if (option.String("key") is { } key && option.String("value") is { } value)
                extra[key] = value;
        var path = item.String("config.files.vmPathName");
        return new Machine
        {
            Ref = item.Ref,
            Name = name,
            Uuid = uuid.ToLowerInvariant(),
            Annotation = item.String("config.annotation") ?? "",
            Folder = FolderOf(path),
            Extra = extra.ToImmutable(),
            Devices = [.. item.Find("config.hardware.device")?.All("VirtualDevice") ?? []],
            Cpus = (int?)Number(item, "config.hardware.numCPU"),
            MemoryMiB = Number(item, "config.hardware.memoryMB"),
            CpuHotAdd = item.Flag("config.cpuHotAddEnabled") == true,
            MemoryHotAdd = item.Flag("config.memoryHotAddEnabled") == true,
            PowerState = item.String("runtime.powerState"),
            ConnectionState = item.String("runtime.connectionState"),
            BootTime = item.Find("runtime.bootTime")?.Time(),
            Question = item.Find("runtime.question")?.String("text"),
            GuestNics = [.. item.Find("guest.net")?.All("GuestNicInfo") ?? []],
            GuestState = item.String("guest.guestState"),
            ToolsRunning = item.String("guest.toolsRunningStatus") == "guestToolsRunning",
            Heartbeat = item.String("guestHeartbeatStatus"),
        };
    }

    private static long? Number(VimObject item, string path) => long.TryParse(item.String(path), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : null;

    private static string? FolderOf(string? path) => path is not null && path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : null;

    private bool IsApart(VimNode disk)
    {
        var file = disk.String("backing", "fileName");
        return disk.Find("vDiskId") is not null || (file is not null && (AttachedFiles.ContainsValue(file) || (Folder is not null && FolderOf(file) is { } folder && folder != Folder)));
    }
}
