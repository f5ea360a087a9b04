namespace Datum.Providers.Host.Loader;

/// <summary>Paths with every symbolic link followed, so that a comparison by prefix means what it says.</summary>
internal static class CanonicalPath
{
    private const int MaxLinks = 40;

    /// <summary>Follows the links of every component; a component that doesn't exist stays as it is. Throws <see cref="IOException"/> on a circle.</summary>
    public static string Resolve(string path)
    {
        var full = Path.GetFullPath(path);
        var links = 0;
        var resolved = Path.GetPathRoot(full)!;
        var rest = new Stack<string>(full[resolved.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse());
        while (rest.TryPop(out var part))
        {
            if (part == ".")
                continue;
            if (part == "..")
            {
                resolved = Path.GetDirectoryName(resolved) ?? resolved;
                continue;
            }

            var next = Path.Combine(resolved, part);
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                resolved = next;
                continue;
            }

            if (++links > MaxLinks)
                throw new IOException($"{path} goes through more than {MaxLinks} symbolic links.");
            if (Path.IsPathRooted(target))
                resolved = Path.GetPathRoot(target)!;
            foreach (var piece in target.Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse())
                rest.Push(piece);
        }

        return resolved;
    }

    /// <summary>Whether a canonical path lies below a canonical folder; a sibling whose name begins alike doesn't.</summary>
    public static bool IsBelow(string path, string folder) =>
        path.StartsWith(folder.EndsWith(Path.DirectorySeparatorChar) ? folder : folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
