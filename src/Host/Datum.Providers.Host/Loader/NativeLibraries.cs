using System.Collections.Concurrent;

namespace Datum.Providers.Host.Loader;

/// <summary>
/// One driver's native libraries. The system loads them by path only, and the volume may change between a look and a load: so they are
/// copied, from the bytes that were compared with the manifest, to a folder that nobody else writes, and are loaded from there. All of a
/// driver's native files go together in their relative places, since one may ask for another by <c>$ORIGIN</c>. The folder is another one
/// for each driver, so that two drivers may have libraries of one name.
/// </summary>
internal sealed class NativeLibraries(VerifiedDriver driver, string? parent)
{
    private const string Prefix = "datum-native-";
    private const string LockName = ".lock";

    // A copy is needed as long as its process runs: what was loaded may ask for its neighbours later.
    private static readonly ConcurrentDictionary<string, FileStream> s_held = [];

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, string> _loaded = new(StringComparer.Ordinal);
    private string? _folder;

    static NativeLibraries() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (var (folder, held) in s_held)
            Remove(folder, held);
    };

    /// <summary>Relative path to the path that it was loaded from.</summary>
    public IReadOnlyDictionary<string, string> Loaded => _loaded;

    /// <summary>Path of the private copy of a listed file. Throws <see cref="IOException"/> when a file isn't any more what was verified.</summary>
    public string CopyOf(string file)
    {
        lock (_lock)
            _folder ??= CopyAll(file);
        var path = Path.Combine(_folder, file);
        if (!File.Exists(path))
            Write(_folder, file);
        return _loaded.GetOrAdd(file, path);
    }

    private string CopyAll(string asked)
    {
        var root = parent is null ? Path.GetTempPath() : Directory.CreateDirectory(parent).FullName;
        Sweep(root);
        var folder = Path.Combine(root, $"{Prefix}{Environment.ProcessId}-{driver.Manifest.Id}-{Guid.NewGuid():N}");
        Create(folder);
        s_held[folder] = new FileStream(Path.Combine(folder, LockName), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
        foreach (var file in driver.Natives.Append(asked).Distinct(StringComparer.Ordinal))
            Write(folder, file);
        return folder;
    }

    private void Write(string folder, string file)
    {
        var path = Path.Combine(folder, file);
        Create(Path.GetDirectoryName(path)!);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserExecute;
        using var copy = new FileStream(path, options);
        copy.Write(driver.Read(file));
    }

    private static void Create(string folder)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Removes what processes left that were killed: whoever lives holds its lock.</summary>
    private static void Sweep(string root)
    {
        foreach (var folder in Directory.EnumerateDirectories(root, Prefix + "*"))
        {
            try
            {
                Remove(folder, new FileStream(Path.Combine(folder, LockName), FileMode.Open, FileAccess.ReadWrite, FileShare.None));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue; // in use, or another user's
            }
        }
    }

    private static void Remove(string folder, FileStream held)
    {
        try
        {
            using (held)
                Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return; // the next start tries again
        }
    }
}
