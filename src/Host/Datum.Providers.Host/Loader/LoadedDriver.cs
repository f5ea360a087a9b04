using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Datum.Providers.Host.Drivers;

namespace Datum.Providers.Host.Loader;

/// <summary>Where an assembly comes from.</summary>
public enum AssemblyOrigin
{
    Unknown = 0,

    /// <summary>The driver's folder.</summary>
    Driver = 1,

    /// <summary>A copy of an assembly of the framework, the driver's own.</summary>
    Framework = 2,

    /// <summary>The host; all drivers share it.</summary>
    Host = 3,
}

/// <summary>An assembly that a driver runs on.</summary>
/// <param name="Name">Simple name.</param>
/// <param name="Version">Assembly version.</param>
/// <param name="Context">The load context: <c>driver/ID</c> for the driver's own, <c>host</c> for what is shared.</param>
/// <param name="Origin">Where it comes from.</param>
public sealed record DriverAssembly(string Name, Version Version, string Context, AssemblyOrigin Origin);

/// <summary>A native library in a driver's folder.</summary>
/// <param name="File">Relative path.</param>
/// <param name="Digest">SHA-256 in lower-case hex.</param>
/// <param name="LoadedFrom">The private copy that was loaded; null while the driver hasn't asked for it.</param>
public sealed record DriverNativeLibrary(string File, string Digest, string? LoadedFrom);

/// <summary>A driver that passed every check and has described itself.</summary>
public sealed class LoadedDriver
{
    private readonly VerifiedDriver _verified;
    private readonly GuardedDriverFactory _factory;
    private DriverLoadContext? _context;

    internal LoadedDriver(VerifiedDriver verified, DriverDescriptor descriptor, GuardedDriverFactory factory, DriverLoadContext context)
    {
        _verified = verified;
        WritableByAll = DriverFiles.WritableByAll(verified.Folder);
        Descriptor = descriptor;
        _factory = factory;
        _context = context;
    }

    public string Folder => _verified.Folder.Path;

    public DriverManifest Manifest => _verified.Manifest;

    public DriverDescriptor Descriptor { get; }

    /// <summary>SHA-256 of driver.json in lower-case hex; it stands for every file of the driver.</summary>
    public string Digest => Manifest.Digest;

    /// <summary>Id of the accepted key that signed driver.json; null where the host asks for no signatures.</summary>
    public string? SignedBy => _verified.SignedBy;

    /// <summary>Paths of volume and driver that everybody on the machine may write. Empty where all is well.</summary>
    public IReadOnlyList<string> WritableByAll { get; }

    /// <summary>By path.</summary>
    public ImmutableArray<DriverNativeLibrary> NativeLibraries =>
        [.. _verified.Natives.Order(StringComparer.Ordinal).Select(n => new DriverNativeLibrary(n, Manifest.Files[n], _context?.Natives.Loaded.GetValueOrDefault(n)))];

    /// <summary>Opens guarded sessions.</summary>
    public IDriverFactory Factory => _factory;

    /// <summary>What is loaded now, by name: the driver's own assemblies, then the shared ones. Empty after <see cref="Unload"/>.</summary>
    public ImmutableArray<DriverAssembly> Assemblies => _context is not { } context ? [] :
    [
        // What comes from the driver's folder is loaded from memory and has no location.
        .. context.Assemblies.Select(a => (Name: a.GetName(), Origin: a.Location.Length > 0 ? AssemblyOrigin.Framework : AssemblyOrigin.Driver))
            .OrderBy(a => a.Name.Name, StringComparer.Ordinal).Select(a => new DriverAssembly(a.Name.Name!, a.Name.Version!, context.Name!, a.Origin)),
        .. SharedAssemblies.Names.Select(n => new DriverAssembly(n, SharedAssemblies.Find(n)!.GetName().Version!, "host", AssemblyOrigin.Host)),
    ];

    /// <summary>
    /// Begins to unload, once its sessions are disposed. The reference dies when nothing of the driver is alive any more, which may be never:
    /// unloading is best effort. Throws <see cref="InvalidOperationException"/> when the volume wasn't loaded as collectible.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public WeakReference Unload()
    {
        var context = _context ?? throw new InvalidOperationException($"Driver {Manifest.Id} was unloaded before.");
        if (!context.IsCollectible)
            throw new InvalidOperationException($"Driver {Manifest.Id} was loaded for good; restart the host to change it, or set {nameof(DriverVolumeOptions.Collectible)}.");
        _context = null;
        _factory.Release();
        context.Unload();
        return new WeakReference(context);
    }
}
