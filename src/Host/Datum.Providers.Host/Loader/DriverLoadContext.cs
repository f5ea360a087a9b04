using System.Reflection;
using System.Runtime.Loader;

namespace Datum.Providers.Host.Loader;

/// <summary>
/// One driver's assemblies. It separates versions and protects nothing: a driver has the host's rights. Everything comes from the
/// verified files of the driver's folder, except the closed list of <see cref="SharedAssemblies"/>.
/// </summary>
internal sealed class DriverLoadContext : AssemblyLoadContext
{
    private readonly VerifiedDriver _driver;
    private readonly AssemblyDependencyResolver _resolver;

    public DriverLoadContext(VerifiedDriver driver, bool collectible) : base($"driver/{driver.Manifest.Id}", collectible)
    {
        _driver = driver;
        _resolver = new AssemblyDependencyResolver(Path.Combine(driver.Folder.CanonicalPath, driver.Manifest.EntryAssembly));
    }

    public Assembly LoadEntry() => LoadVerified(_driver.Manifest.EntryAssembly);

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        var name = assemblyName.Name!;
        if (SharedAssemblies.Find(name) is { } shared)
            return shared;
        if (FileOf(_resolver.ResolveAssemblyToPath(assemblyName)) is { } file)
            return LoadVerified(file);
        // Satellite assemblies that don't exist are asked for all the same; null means that the neutral text is used.
        if (!string.IsNullOrEmpty(assemblyName.CultureName))
            return null;
        if (_driver.Manifest.Files.ContainsKey(name + ".dll"))
            return LoadVerified(name + ".dll");
        // Null sends the request to the default context, where the host's own packages would answer too.
        return SharedAssemblies.IsFramework(name)
            ? null
            : throw new FileNotFoundException($"{assemblyName} is neither in the folder of driver {_driver.Manifest.Id} nor part of the framework; the host lends none of its own packages.", name);
    }

    protected override nint LoadUnmanagedDll(string unmanagedDllName)
    {
        var file = FileOf(_resolver.ResolveUnmanagedDllToPath(unmanagedDllName))
            ?? new[] { unmanagedDllName, unmanagedDllName + ".so", $"lib{unmanagedDllName}.so" }.FirstOrDefault(_driver.Manifest.Files.ContainsKey);
        if (file is null)
            return 0; // a library of the operating system
        // A native library can be loaded by path only: it is verified once more right before, and the volume is read-only.
        _driver.Read(file);
        return LoadUnmanagedDllFromPath(Path.Combine(_driver.Folder.CanonicalPath, file));
    }

    /// <summary>Loads the very bytes that were compared with the manifest, so that nothing can change between the look and the load.</summary>
    private Assembly LoadVerified(string file)
    {
        using var stream = new MemoryStream(_driver.Read(file), writable: false);
        return LoadFromStream(stream);
    }

    private string? FileOf(string? path)
    {
        if (path is null)
            return null;
        var file = Path.GetRelativePath(_driver.Folder.CanonicalPath, path).Replace(Path.DirectorySeparatorChar, '/');
        return _driver.Manifest.Files.ContainsKey(file) ? file : null;
    }
}
