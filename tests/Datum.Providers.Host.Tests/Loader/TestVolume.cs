using System.Reflection;
using System.Text.Json.Nodes;
using Datum.Providers.Host.Loader;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Tests.Loader;

/// <summary>A driver volume of copies, so that a test can spoil them.</summary>
internal sealed class TestVolume : IDisposable
{
    public TestVolume() => Directory.CreateDirectory(Path);

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), "datum-volume-" + Guid.NewGuid().ToString("N"));

    public static string Packed(string id)
    {
        var root = typeof(TestVolume).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "TestDriverDirectory").Value!;
        return System.IO.Path.Combine(root, id);
    }

    /// <summary>Copies a packed test driver and returns its new folder.</summary>
    public string Add(string id, string? folder = null)
    {
        var target = System.IO.Path.Combine(Path, folder ?? id);
        foreach (var file in Directory.GetFiles(Packed(id), "*", SearchOption.AllDirectories))
        {
            var copy = System.IO.Path.Combine(target, System.IO.Path.GetRelativePath(Packed(id), file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        return target;
    }

    /// <summary>Copies one and changes its manifest.</summary>
    public string Add(string id, string folder, Action<JsonObject> edit)
    {
        var target = Add(id, folder);
        Edit(target, edit);
        return target;
    }

    public static void Edit(string folder, Action<JsonObject> edit)
    {
        var path = System.IO.Path.Combine(folder, "driver.json");
        var manifest = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(manifest);
        File.WriteAllText(path, manifest.ToJsonString());
    }

    /// <summary>Puts a file into a folder and lists it, as a packer would.</summary>
    public static void AddListed(string folder, string source, string? at = null)
    {
        var name = at ?? System.IO.Path.GetFileName(source);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.Combine(folder, name))!);
        File.Copy(source, System.IO.Path.Combine(folder, name));
        Edit(folder, m => m["files"]![name] = DriverVerifier.Digest(File.ReadAllBytes(source)));
    }

    public DriverVolumeOptions Options => new() { Path = Path };

    public DriverCatalog Load() => Load(Options);

    public static DriverCatalog Load(DriverVolumeOptions options) => DriverCatalog.Load(options, NullLoggerFactory.Instance, TimeProvider.System);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
