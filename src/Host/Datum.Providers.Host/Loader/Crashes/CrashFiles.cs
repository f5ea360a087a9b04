using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Datum.Providers.Host.Loader;

/// <summary>The files of a host's state folder that tell what ended its processes: <c>host/</c> in the folder that <c>--state</c> names.</summary>
internal sealed class CrashFiles(string state)
{
    public const int Format = 1;

    private const int MaxCrashes = 64;
    private const int MaxBytes = 1024 * 1024;

    public string Folder { get; } = Path.Combine(Path.GetFullPath(state), "host");

    public string RecordPath => Path.Combine(Folder, "crashes.json");

    public string ModulesPath => Path.Combine(Folder, "modules.json");

    /// <summary>Throws <see cref="FormatException"/> for a file that can't be read; a file that isn't there is an empty record.</summary>
    public IReadOnlyList<DriverCrash> ReadCrashes() =>
        Read(RecordPath, CrashJson.Default.CrashDocument, d => d.FormatVersion)?.Crashes ?? [];

    /// <summary>Null when there is none. Throws <see cref="FormatException"/>.</summary>
    public ModuleDocument? ReadModules() => Read(ModulesPath, CrashJson.Default.ModuleDocument, d => d.FormatVersion);

    /// <summary>The newest are kept. On disk when it returns.</summary>
    public void Write(IReadOnlyList<DriverCrash> crashes) =>
        Write(RecordPath, new CrashDocument { FormatVersion = Format, Crashes = [.. crashes.OrderBy(c => c.At).TakeLast(MaxCrashes)] }, CrashJson.Default.CrashDocument);

    public void Write(ModuleDocument modules) => Write(ModulesPath, modules, CrashJson.Default.ModuleDocument);

    /// <summary>
    /// Adds one, unless that process is in the record already: a process ends once, though the handler and the runtime's report may both
    /// tell of it. Reads the file again, since a person may have cleared it meanwhile.
    /// </summary>
    public bool Add(DriverCrash crash)
    {
        List<DriverCrash> crashes;
        try
        {
            crashes = [.. ReadCrashes()];
        }
        catch (FormatException)
        {
            crashes = []; // it was ignored, with a warning, at the start
        }

        if (crashes.Exists(c => c.Process == crash.Process && c.Started == crash.Started))
            return false;
        crashes.Add(crash);
        Write(crashes);
        return true;
    }

    private static T? Read<T>(string path, JsonTypeInfo<T> type, Func<T, int> format) where T : class
    {
        if (!File.Exists(path))
            return null;
        try
        {
            var value = JsonSerializer.Deserialize(RegularFile.Read(path, MaxBytes), type) ?? throw new FormatException($"{path} holds null.");
            return format(value) == Format ? value : throw new FormatException($"{path} has format {format(value)}; this host reads {Format}.");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"{path} can't be read: {e.Message}", e);
        }
    }

    private static void Write<T>(string path, T value, JsonTypeInfo<T> type)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var fresh = path + ".new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new FileStream(fresh, options))
        {
            stream.Write(JsonSerializer.SerializeToUtf8Bytes(value, type));
            stream.Flush(flushToDisk: true);
        }

        File.Move(fresh, path, overwrite: true);
    }
}
