using System.Text.Json;
using Datum.Providers.Host.Cli;

namespace Datum.Providers.Host.Loader;

/// <summary>Result of <c>drivers list</c>, and drivers.json in a host's state folder.</summary>
internal sealed record DriverListResult
{
    /// <summary>Assemblies of the framework of which each driver that needs them has a copy.</summary>
    public required IReadOnlyList<string> PrivateFramework { get; init; }

    /// <summary>By path of their folders.</summary>
    public required IReadOnlyList<DriverListItem> Drivers { get; init; }
}

/// <summary>A folder of the volume.</summary>
internal sealed record DriverListItem
{
    public required string Folder { get; init; }

    /// <summary>Null where driver.json can't be read.</summary>
    public string? Id { get; init; }

    public string? Version { get; init; }

    /// <summary><c>Ready</c> or <c>Rejected</c>.</summary>
    public required string State { get; init; }

    public string? LocationKey { get; init; }

    /// <summary>SHA-256 of driver.json.</summary>
    public string? Digest { get; init; }

    /// <summary>Id of the accepted key that signed it; null where none was asked for.</summary>
    public string? SignedBy { get; init; }

    /// <summary>What it runs on, as far as it is loaded by now; empty for a rejected one.</summary>
    public IReadOnlyList<DriverListAssembly> Assemblies { get; init; } = [];

    public IReadOnlyList<DriverNativeLibrary> NativeLibraries { get; init; } = [];

    /// <summary>For a rejected one: the phase that it failed in.</summary>
    public DriverPhase? Phase { get; init; }

    public DriverRejectionReason? Reason { get; init; }

    /// <summary>Why it was rejected; for one that is ready, what an operator should mend.</summary>
    public string? Message { get; init; }
}

/// <summary>An assembly of a driver.</summary>
internal sealed record DriverListAssembly(string Name, string Version, string Context, AssemblyOrigin Origin);

/// <summary>Everything that was found in a driver volume, for people and programs.</summary>
internal static class DriverInventory
{
    public const string FileName = "drivers.json";

    public static DriverListResult Of(IDriverCatalog catalog) => new()
    {
        PrivateFramework = PrivateFramework.Names,
        Drivers =
        [
            .. catalog.Drivers.Select(d => new DriverListItem
            {
                Folder = d.Folder, Id = d.Descriptor.Id, Version = d.Descriptor.Version, State = "Ready", LocationKey = d.Descriptor.LocationKey, Digest = d.Digest, SignedBy = d.SignedBy,
                Assemblies = [.. d.Assemblies.Select(a => new DriverListAssembly(a.Name, a.Version.ToString(), a.Context, a.Origin))],
                NativeLibraries = d.NativeLibraries, Message = Warning(d),
            }).Concat(catalog.Rejections.Select(r => new DriverListItem
            {
                Folder = r.Folder, Id = r.Id, State = "Rejected", Phase = r.Phase, Reason = r.Reason, Message = r.Message,
            })).OrderBy(d => d.Folder, StringComparer.Ordinal),
        ],
    };

    /// <summary>The start-up report in a host's state folder.</summary>
    public static void Write(IDriverCatalog catalog, string folder)
    {
        var path = Path.Combine(folder, FileName);
        File.WriteAllBytes(path + ".new", JsonSerializer.SerializeToUtf8Bytes(Of(catalog), CliJson.Readable.DriverListResult));
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>What an operator should mend of a driver that runs; null when all is well.</summary>
    public static string? Warning(LoadedDriver driver) => driver.WritableByAll.Count == 0
        ? null
        : $"Everybody on this machine can write {driver.WritableByAll[0]}{(driver.WritableByAll.Count > 1 ? $" and {driver.WritableByAll.Count - 1} more" : "")}, from which the driver is loaded. Take that right away (chmod o-w) and mount the volume read-only.";
}
