using Datum.Providers.Resources.Manifests;

namespace Datum.Providers.Host.Cli;

/// <summary>The files that <c>-f</c> names.</summary>
internal static class ManifestFiles
{
    private static readonly string[] s_extensions = [".yaml", ".yml", ".json"];

    /// <summary>Reads files, folders and <c>-</c>, in the order given; within a folder by name. Throws <see cref="CliException"/>.</summary>
    public static IReadOnlyList<ManifestFile> Read(IEnumerable<string> paths, bool recursive, CliTerminal terminal)
    {
        List<ManifestFile> files = [];
        foreach (var path in paths)
            if (path == "-")
            {
                using var input = terminal.OpenInput();
                using var bytes = new MemoryStream();
                input.CopyTo(bytes);
                files.Add(ManifestReader.Read("-", bytes.ToArray()));
            }
            else if (Directory.Exists(path))
            {
                var found = Directory.EnumerateFiles(path, "*", recursive ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly)
                    .Where(f => s_extensions.Contains(Path.GetExtension(f))).Order(StringComparer.Ordinal).ToList();
                if (found.Count == 0)
                    throw new CliException($"-f '{path}': the folder holds no .yaml, .yml or .json{(recursive ? "" : "; add --recursive to look into its folders")}.");
                files.AddRange(found.Select(f => ManifestReader.Read(f, File.ReadAllBytes(f))));
            }
            else if (File.Exists(path))
                files.Add(ManifestReader.Read(path, File.ReadAllBytes(path)));
            else
                throw new CliException($"-f '{path}': there is no such file or folder. Name one, or - for standard input.");

        return files;
    }
}
