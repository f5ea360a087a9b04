namespace Datum.Providers.Host.Loader;

/// <summary>What lies in a driver's folder: only names and kinds are looked at.</summary>
internal static class DriverFiles
{
    public const int MaxEntries = 4096;

    private const UnixFileMode Sticky = UnixFileMode.StickyBit;

    /// <summary>Relative paths with <c>/</c> of all files but driver.json and its signature. Throws <see cref="DriverRejectedException"/> for what isn't a file or leads out.</summary>
    public static List<string> List(DriverFolder folder)
    {
        List<string> files = [];
        var entries = 0;
        Queue<string> open = new([folder.CanonicalPath]);
        while (open.TryDequeue(out var directory))
            foreach (var entry in new DirectoryInfo(directory).EnumerateFileSystemInfos())
            {
                if (++entries > MaxEntries)
                    throw Rejected(DriverRejectionReason.Unreadable, $"{folder.Path} holds more than {MaxEntries} files and folders; that is no driver.");
                RefuseLinkOut(folder, entry.FullName, DriverPhase.Verify);
                if (RegularFile.OddKind(entry.FullName) is { } kind)
                    throw Rejected(DriverRejectionReason.Unreadable, $"{entry.FullName} is {kind}; a driver's folder holds files and folders only. Remove it, or pack the driver again.");
                if (entry is not DirectoryInfo)
                    files.Add(Path.GetRelativePath(folder.CanonicalPath, entry.FullName).Replace(Path.DirectorySeparatorChar, '/'));
                else if (entry.LinkTarget is null)
                    open.Enqueue(entry.FullName);
                else
                    throw Rejected(DriverRejectionReason.LinkRefused, $"{entry.FullName} is a link to a folder. A driver's folder holds files and real folders only: copy the files.");
            }

        files.Remove(DriverFinder.ManifestName);
        files.Remove(DriverSignature.FileName);
        return files;
    }

    public static void RefuseLinkOut(DriverFolder folder, string path, DriverPhase phase)
    {
        var canonical = CanonicalPath.Resolve(path);
        if (!CanonicalPath.IsBelow(canonical, folder.VolumePath))
            throw new DriverRejectedException(phase, DriverRejectionReason.LinkRefused, $"{path} is a link to {canonical}, outside of the driver volume {folder.VolumePath}. Copy the file into the driver's folder.");
    }

    /// <summary>The volume, the folder, and what is in it, as far as everybody on the machine may replace it. Never throws: it only warns.</summary>
    public static IReadOnlyList<string> WritableByAll(DriverFolder folder)
    {
        try
        {
            return [.. new[] { folder.VolumePath, folder.CanonicalPath }
                .Concat(Directory.EnumerateFileSystemEntries(folder.CanonicalPath, "*", SearchOption.AllDirectories).Take(MaxEntries))
                .Where(IsWritableByAll)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // the checks that count say what can't be read
        }
    }

    private static bool IsWritableByAll(string path)
    {
        if (OperatingSystem.IsWindows() || (!File.Exists(path) && !Directory.Exists(path)))
            return false;
        var mode = File.GetUnixFileMode(path);
        // In a folder with the sticky bit only the owner of a file can replace it; what is added is refused as not listed.
        return (mode & UnixFileMode.OtherWrite) != 0 && (mode & Sticky) == 0;
    }

    private static DriverRejectedException Rejected(DriverRejectionReason reason, string message) => new(DriverPhase.Verify, reason, message);
}
