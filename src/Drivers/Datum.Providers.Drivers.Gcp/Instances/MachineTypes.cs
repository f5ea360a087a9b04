using System.Globalization;

namespace Datum.Providers.Drivers.Gcp.Instances;

/// <summary>The sizes that are chosen where the ProviderConfig names none: the N2 series, which every region has.</summary>
internal static class MachineTypes
{
    private static readonly ImmutableArray<int> Processors = [2, 4, 8, 16, 32, 48, 64, 80];

    /// <summary>Standard has 4 GiB a processor, highmem 8, highcpu 1.</summary>
    public static ImmutableArray<PlatformSize> All { get; } =
    [
        .. from family in new[] { (Name: "standard", GiB: 4), (Name: "highmem", GiB: 8), (Name: "highcpu", GiB: 1) }
           from processors in Processors
           select new PlatformSize
           {
               Name = string.Create(CultureInfo.InvariantCulture, $"n2-{family.Name}-{processors}"),
               CpuMillis = processors * 1000,
               MemoryMiB = processors * family.GiB * 1024,
           },
    ];

    /// <summary>What the ProviderConfig names, as it stands: only the platform knows all of its sizes. Else the smallest that has room.</summary>
    public static MapResult<string> Choose(InstanceSize wish)
    {
        if (wish.Native is { Length: > 0 } native)
            return native.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') ? new MapResult<string> { Value = native }
                : new MapResult<string> { Finding = new Finding { Path = "size.native", Message = $"'{native}' is no machine type's name." } };
        var size = SizeMap.Choose(wish, All);
        return new MapResult<string> { Value = size.Value?.Name, Finding = size.Finding };
    }
}
