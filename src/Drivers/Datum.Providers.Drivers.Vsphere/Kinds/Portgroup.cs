using System.Globalization;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Kinds;

/// <summary>A distributed portgroup as it was read.</summary>
internal sealed record Portgroup
{
    /// <summary>Part of a portgroup that the driver made, and destroys.</summary>
    public const string Made = "net";

    /// <summary>Part of a portgroup that was there before: its mark is a claim, which is taken off again.</summary>
    public const string Claimed = "claim";

    public static readonly string[] Paths = ["name", "config.description", "config.configVersion", "config.defaultPortConfig", "config.distributedVirtualSwitch"];

    public required MoRef Ref { get; init; }
    public required string Name { get; init; }
    public string Description { get; init; } = "";
    public string? ConfigVersion { get; init; }
    public int? Vlan { get; init; }
    public MoRef? Switch { get; init; }

    public Mark? Mark => TextMarks.Read(Description);

    public string Part => Mark?.Part == Claimed ? Claimed : Made;

    public int? Mtu => int.TryParse(Word("mtu="), NumberStyles.None, CultureInfo.InvariantCulture, out var mtu) ? mtu : null;

    public ImmutableArray<string> Ranges => Word("ranges=") is { } ranges ? [.. ranges.Split(',', StringSplitOptions.RemoveEmptyEntries)] : [];

    public MarkState Compare(Identity id)
    {
        var mark = Mark;
        return Marks.Compare(id, mark, mark?.Part == Claimed ? Claimed : null);
    }

    public string Revision => VsphereContext.Revision(Ref.Value, Name, Description, Vlan?.ToString(CultureInfo.InvariantCulture));

    public static Portgroup? Read(VimObject item) => item.String("name") is not { } name ? null : new Portgroup
    {
        Ref = item.Ref,
        Name = name,
        Description = item.String("config.description") ?? "",
        ConfigVersion = item.String("config.configVersion"),
        Vlan = VlanOf(item.Find("config.defaultPortConfig")),
        Switch = item.Find("config.distributedVirtualSwitch")?.AsRef(),
    };

    /// <summary>The description of a portgroup of ours: the mark, and what the platform has no place for.</summary>
    public static string Describe(Identity id, NetworkSpec desired) => VsphereContext.Texts.Write(Marks.For(id), Words(desired));

    /// <summary>The claim behind the words that are there.</summary>
    public static string Claim(Identity id, NetworkSpec desired, string words) => $"{Unclaimed(words)} {Marks.ToText(Marks.For(id, Claimed))} {Words(desired)}".Trim();

    /// <summary>The words without any claim.</summary>
    public static string Unclaimed(string words) =>
        string.Join(' ', words.Split(' ').Where(w => !w.StartsWith("datum:", StringComparison.Ordinal) && !w.StartsWith("mtu=", StringComparison.Ordinal) && !w.StartsWith("ranges=", StringComparison.Ordinal))).Trim();

    private static string Words(NetworkSpec desired) =>
        string.Join(' ', new[] { desired.Mtu is { } mtu ? string.Create(CultureInfo.InvariantCulture, $"mtu={mtu}") : null, desired.Ranges.IsEmpty ? null : $"ranges={string.Join(',', desired.Ranges)}" }.Where(w => w is not null));

    private string? Word(string prefix) => Description.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(w => w.StartsWith(prefix, StringComparison.Ordinal))?[prefix.Length..];

    // Trunks (the uplinks' own portgroup is one) hold many VLANs and none for themselves.
    private static int? VlanOf(VimNode? setting) => setting?.Find("vlan") is { Type: "VmwareDistributedVirtualSwitchVlanIdSpec" } vlan ? (int?)vlan.Number("vlanId") : null;
}
