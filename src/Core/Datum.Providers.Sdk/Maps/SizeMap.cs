namespace Datum.Providers.Sdk;

/// <summary>A size that a platform offers.</summary>
public sealed record PlatformSize
{
    /// <summary>The platform's name.</summary>
    public required string Name { get; init; }

    /// <summary>Thousandths of a processor.</summary>
    public required int CpuMillis { get; init; }

    /// <summary>Mebibytes.</summary>
    public required int MemoryMiB { get; init; }

    /// <summary>Price in any unit, the same for all; null when unknown, which counts as dearest.</summary>
    public decimal? Price { get; init; }

    /// <summary>Whether it can be had now. Default true.</summary>
    public bool Available { get; init; } = true;
}

/// <summary>What a map found: a value, or what to say in <c>ValidateAsync</c>.</summary>
/// <typeparam name="T">The value.</typeparam>
public sealed record MapResult<T> where T : class
{
    /// <summary>The platform's own; null when there is none.</summary>
    public T? Value { get; init; }

    /// <summary>Why there is none; null when there is a value.</summary>
    public Finding? Finding { get; init; }

    /// <summary>The finding as an error of a verb (Unsupported, not applied); null when there is a value.</summary>
    public DriverError? Error => Finding is null ? null : new DriverError
    {
        Code = ErrorCode.Unsupported,
        Effect = Effect.NotApplied,
        Scope = ErrorScope.Resource,
        Field = Finding.Path,
        Message = Finding.Message,
    };
}

/// <summary>Chooses a platform's size for a wish. Sizes are floors: nothing is rounded down (DC-17).</summary>
public static class SizeMap
{
    /// <summary>
    /// The size that <see cref="InstanceSize.Native"/> names; else the smallest that has the wished processors and memory: least processors, then
    /// least memory, then the lowest price, then the name.
    /// </summary>
    /// <param name="wish">The wish.</param>
    /// <param name="sizes">What the platform offers.</param>
    /// <param name="path">The field, for the finding. Default <c>size</c>.</param>
    public static MapResult<PlatformSize> Choose(InstanceSize wish, IEnumerable<PlatformSize> sizes, string path = "size")
    {
        if (wish.Native is { } native)
        {
            var named = sizes.FirstOrDefault(s => s.Name == native);
            return named switch
            {
                null => None($"The platform has no size '{native}', which the ProviderConfig names for {wish.InstanceType}. Name one that it has."),
                { Available: false } => None($"The size '{native}', which the ProviderConfig names for {wish.InstanceType}, can't be had here. Name another one."),
                _ => new MapResult<PlatformSize> { Value = named },
            };
        }

        PlatformSize? best = null, largest = null;
        foreach (var size in sizes)
        {
            if (!size.Available)
                continue;
            if (size.CpuMillis >= wish.CpuMillis && size.MemoryMiB >= wish.MemoryMiB && (best is null || Compare(size, best) < 0))
                best = size;
            if (largest is null || (size.CpuMillis, size.MemoryMiB).CompareTo((largest.CpuMillis, largest.MemoryMiB)) > 0)
                largest = size;
        }

        return best is not null
            ? new MapResult<PlatformSize> { Value = best }
            : None($"No size of the platform has {wish.CpuMillis} thousandths of a processor and {wish.MemoryMiB} MiB for {wish.InstanceType}"
                + (largest is null ? "; it offers none here." : $"; the largest is '{largest.Name}' with {largest.CpuMillis} and {largest.MemoryMiB} MiB."));

        MapResult<PlatformSize> None(string message) => new() { Finding = new Finding { Path = path, Message = message } };
    }

    private static int Compare(PlatformSize a, PlatformSize b) =>
        a.CpuMillis != b.CpuMillis ? a.CpuMillis.CompareTo(b.CpuMillis)
        : a.MemoryMiB != b.MemoryMiB ? a.MemoryMiB.CompareTo(b.MemoryMiB)
        : (a.Price ?? decimal.MaxValue) != (b.Price ?? decimal.MaxValue) ? (a.Price ?? decimal.MaxValue).CompareTo(b.Price ?? decimal.MaxValue)
        : string.CompareOrdinal(a.Name, b.Name);
}
