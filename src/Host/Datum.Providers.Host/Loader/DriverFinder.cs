namespace Datum.Providers.Host.Loader;

/// <summary>A folder of the volume that claims to be a driver.</summary>
/// <param name="Path">The folder as the operator sees it.</param>
/// <param name="CanonicalPath">The same with every link followed.</param>
/// <param name="VolumePath">The volume with every link followed.</param>
internal sealed record DriverFolder(string Path, string CanonicalPath, string VolumePath);

/// <summary>Phase 1: which folders of the volume are drivers. Reads names only.</summary>
internal static class DriverFinder
{
    public const string ManifestName = "driver.json";

    /// <summary>The folders, by ordinal path.</summary>
    public static IReadOnlyList<DriverFolder> Find(string volume, Action<DriverRejection> reject)
    {
        var root = Path.GetFullPath(volume);
        if (!Directory.Exists(root))
        {
            reject(Rejection(root, DriverRejectionReason.VolumeMissing,
                $"The driver volume {root} doesn't exist or isn't a folder. Mount it, or name another one; no driver is loaded."));
            return [];
        }

        List<DriverFolder> found = [];
        try
        {
            var canonicalRoot = CanonicalPath.Resolve(root);
            if (File.Exists(Path.Combine(root, ManifestName)))
                reject(Rejection(root, DriverRejectionReason.ManifestInvalid,
                    $"{ManifestName} stands in the volume itself. Each driver needs a folder of its own: move the driver's files to {Path.Combine(root, "NAME")}."));
            foreach (var path in Directory.EnumerateDirectories(root).Order(StringComparer.Ordinal))
            {
                // Kubernetes keeps the versions of a mounted volume in names that begin with two dots; ext4 has lost+found.
                var name = Path.GetFileName(path);
                if (name.StartsWith('.') || name == "lost+found")
                    continue;
                if (Accept(path, canonicalRoot, reject) is { } folder)
                    found.Add(folder);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            reject(Rejection(root, DriverRejectionReason.Unreadable, $"The driver volume {root} can't be read: {e.Message} Give the host's user read access."));
        }

        return found;
    }

    /// <summary>One driver's folder by itself, as if its parent were the volume.</summary>
    public static DriverFolder Single(string folder)
    {
        var canonical = CanonicalPath.Resolve(folder);
        return new DriverFolder(Path.GetFullPath(folder), canonical, Path.GetDirectoryName(canonical) ?? canonical);
    }

    private static DriverFolder? Accept(string path, string canonicalRoot, Action<DriverRejection> reject)
    {
        try
        {
            var canonical = CanonicalPath.Resolve(path);
            if (CanonicalPath.IsBelow(canonical, canonicalRoot))
                return new DriverFolder(path, canonical, canonicalRoot);
            reject(Rejection(path, DriverRejectionReason.LinkRefused,
                $"{path} is a link to {canonical}, outside of the driver volume {canonicalRoot}. Copy the driver into the volume."));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            reject(Rejection(path, DriverRejectionReason.Unreadable, $"{path} can't be read: {e.Message}"));
        }

        return null;
    }

    private static DriverRejection Rejection(string folder, DriverRejectionReason reason, string message) =>
        new() { Folder = folder, Phase = DriverPhase.Find, Reason = reason, Message = message };
}
