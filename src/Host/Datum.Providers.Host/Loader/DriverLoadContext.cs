using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Datum.Providers.Host.Loader;

/// <summary>
/// One driver's assemblies. It separates versions and protects nothing: a driver has the host's rights. Everything comes from the
/// verified files of the driver's folder, except the closed list of <see cref="SharedAssemblies"/> and the copies of <see cref="PrivateFramework"/>.
/// </summary>
internal sealed class DriverLoadContext : AssemblyLoadContext
{
    /// <summary>What a context's name begins with; the driver's id follows.</summary>
    public const string NamePrefix = "driver/";

    private readonly VerifiedDriver _driver;
    private readonly bool _privateFramework;
    private readonly AssemblyDependencyResolver _resolver;

    public DriverLoadContext(VerifiedDriver driver, DriverVolumeOptions options, bool collectible) : base(NamePrefix + driver.Manifest.Id, collectible)
    {
        _driver = driver;
        _privateFramework = options.PrivateFramework;
        Natives = new NativeLibraries(driver, options.NativePath);
        _resolver = new AssemblyDependencyResolver(Path.Combine(driver.Folder.CanonicalPath, driver.Manifest.EntryAssembly));
    }

    public NativeLibraries Natives { get; }

    /// <summary>The id of the driver whose code an assembly is; null for the host's and the framework's.</summary>
    public static string? DriverOf(Assembly assembly) => GetLoadContext(assembly) is DriverLoadContext { Name: { } name } ? name[NamePrefix.Length..] : null;

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
        if (_privateFramework && PrivateFramework.PathOf(name) is { } copy)
            return LoadFromAssemblyPath(copy);
        // Null sends the request to the default context, where the host's own packages would answer too.
        return SharedAssemblies.IsFramework(name)
            ? null
            : throw new FileNotFoundException($"{assemblyName} is neither in the folder of driver {_driver.Manifest.Id} nor part of the framework; the host lends none of its own packages.", name);
    }

    protected override nint LoadUnmanagedDll(string unmanagedDllName)
    {
        var file = FileOf(_resolver.ResolveUnmanagedDllToPath(unmanagedDllName)) ?? Candidates(unmanagedDllName).FirstOrDefault(_driver.Manifest.Files.ContainsKey);
        // 0: a library of the operating system.
        return file is null ? 0 : LoadUnmanagedDllFromPath(Natives.CopyOf(file));
    }

    /// <summary>Where a library may stand that deps.json doesn't name.</summary>
    private static IEnumerable<string> Candidates(string name) =>
        from folder in new[] { "", $"runtimes/{RuntimeInformation.RuntimeIdentifier}/native/" }
        from file in new[] { name, name + ".so", $"lib{name}.so", $"lib{name}" }
        select folder + file;

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
