using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Datum.Providers.Host.Drivers;

namespace Datum.Providers.Host.Loader;

/// <summary>An assembly that a driver runs on.</summary>
/// <param name="Name">Simple name.</param>
/// <param name="Version">Assembly version.</param>
/// <param name="Context">The load context: <c>driver/ID</c> for the driver's own, <c>host</c> for what is shared.</param>
public sealed record DriverAssembly(string Name, Version Version, string Context);

/// <summary>A driver that passed every check and has described itself.</summary>
public sealed class LoadedDriver
{
    private readonly GuardedDriverFactory _factory;
    private DriverLoadContext? _context;

    internal LoadedDriver(VerifiedDriver verified, DriverDescriptor descriptor, GuardedDriverFactory factory, DriverLoadContext context)
    {
        Folder = verified.Folder.Path;
        Manifest = verified.Manifest;
        Descriptor = descriptor;
        _factory = factory;
        _context = context;
    }

    public string Folder { get; }

    public DriverManifest Manifest { get; }

    public DriverDescriptor Descriptor { get; }

    /// <summary>SHA-256 of driver.json in lower-case hex; it stands for every file of the driver.</summary>
    public string Digest => Manifest.Digest;

    /// <summary>Opens guarded sessions.</summary>
    public IDriverFactory Factory => _factory;

    /// <summary>What is loaded now, by name: the driver's own assemblies, then the shared ones. Empty after <see cref="Unload"/>.</summary>
    public ImmutableArray<DriverAssembly> Assemblies => _context is not { } context ? [] :
    [
        .. context.Assemblies.Select(a => a.GetName()).OrderBy(n => n.Name, StringComparer.Ordinal).Select(n => new DriverAssembly(n.Name!, n.Version!, context.Name!)),
        .. SharedAssemblies.Names.Select(n => new DriverAssembly(n, SharedAssemblies.Find(n)!.GetName().Version!, "host")),
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
