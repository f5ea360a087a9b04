using System.Globalization;
using System.Text.Json;

namespace Datum.Providers.Host.Loader;

/// <summary>What a driver's code was found to do when the process ended.</summary>
internal sealed record CrashFinding(DriverModules Driver, CrashKind Kind, string What);

/// <summary>
/// Reads the crash report that the runtime's createdump writes (DOTNET_EnableCrashReport): all threads with their frames, each managed one
/// with the id of its module. A driver is named only where the topmost frame that belongs to anybody but the runtime is its own: what the
/// host does in a call back is not the driver's.
/// </summary>
internal sealed class CrashReport
{
    private const string ExitMethod = "System.Environment.Exit(";

    private readonly Dictionary<Guid, List<DriverModules>> _modules = [];
    private readonly Dictionary<string, List<DriverModules>> _natives = new(StringComparer.Ordinal);

    public CrashReport(IEnumerable<DriverModules> drivers)
    {
        foreach (var driver in drivers)
        {
            foreach (var module in driver.Modules.Distinct())
                Owners(_modules, module).Add(driver);
            foreach (var native in driver.Natives.Distinct(StringComparer.Ordinal))
                Owners(_natives, native).Add(driver);
        }
    }

    /// <summary>Null when the report speaks against no driver. Throws <see cref="FormatException"/> for what is no report.</summary>
    public CrashFinding? Judge(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 16 });
            var threads = document.RootElement.GetProperty("payload").GetProperty("threads").EnumerateArray().ToList();
            foreach (var thread in threads.Where(t => Text(t, "crashed") == "true"))
                return JudgeCrashed(thread, threads);
            return null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"it is no crash report: {e.Message}", e);
        }
    }

    private CrashFinding? JudgeCrashed(JsonElement thread, List<JsonElement> threads)
    {
        var type = Text(thread, "managed_exception_type");
        // Whoever asks for the last byte isn't the one who took the others.
        if (type == typeof(OutOfMemoryException).FullName)
            return null;
        var frames = Frames(thread).ToList();
        // Ours: somebody called Environment.Exit, and that one's thread waits for its end.
        if (frames.Exists(f => Text(f, "method_name")?.Contains($"{nameof(CrashWatch)}.{nameof(CrashWatch.EndWithReport)}", StringComparison.Ordinal) == true))
            return threads.Select(ExitOf).FirstOrDefault(f => f is not null);
        return Top(frames, CrashKind.Fatal, type ?? "a signal in native code");
    }

    /// <summary>A thread whose topmost method calls Environment.Exit. The runtime inlines that one, so that its own frame is mostly missing.</summary>
    private CrashFinding? ExitOf(JsonElement thread)
    {
        var frames = Frames(thread).Where(f => Text(f, "filename") is not null).ToList();
        var named = frames.Count > 0 && Text(frames[0], "method_name")?.StartsWith(ExitMethod, StringComparison.Ordinal) == true;
        var caller = frames.ElementAtOrDefault(named ? 1 : 0);
        if (caller.ValueKind != JsonValueKind.Object || !Guid.TryParseExact(Text(caller, "guid"), "N", out var module)
            || !_modules.TryGetValue(module, out var owners) || owners is not [var owner]
            || !int.TryParse(Text(caller, "token")?.Replace("0x", "", StringComparison.Ordinal), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var token)
            || !owner.Exits.Contains(DriverModules.Method(module, token)))
            return null;
        return new CrashFinding(owner, CrashKind.Exit, $"Environment.Exit in {Text(caller, "method_name")}");
    }

    private CrashFinding? Top(List<JsonElement> frames, CrashKind kind, string what)
    {
        foreach (var frame in frames)
        {
            if (Text(frame, "is_managed") != "true")
            {
                if (Text(frame, "native_module") is { } library && _natives.TryGetValue(library, out var carriers) && carriers is [var carrier])
                    return new CrashFinding(carrier, kind, $"{what} in {library}");
                continue;
            }

            if (Text(frame, "filename") is not { } file || !Guid.TryParseExact(Text(frame, "guid"), "N", out var module))
                continue; // a stub of the runtime
            if (_modules.TryGetValue(module, out var owners))
            {
                // Two drivers with one library: the next frame says who called it.
                if (owners is [var owner])
                    return new CrashFinding(owner, kind, $"{what} in {Text(frame, "method_name") ?? file}");
            }
            else if (Path.GetFileNameWithoutExtension(file) is var name && !SharedAssemblies.IsFramework(name) && SharedAssemblies.Find(name) is null)
            {
                return null;
            }
        }

        return null;
    }

    /// <summary>From the top; of frames that repeat, one round.</summary>
    private static IEnumerable<JsonElement> Frames(JsonElement thread)
    {
        if (!thread.TryGetProperty("stack_frames", out var frames))
            yield break;
        foreach (var frame in frames.EnumerateArray())
            if (frame.TryGetProperty("repeated_frames", out var repeated))
                foreach (var inner in repeated.EnumerateArray())
                    yield return inner;
            else
                yield return frame;
    }

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static List<DriverModules> Owners<T>(Dictionary<T, List<DriverModules>> map, T key) where T : notnull =>
        map.TryGetValue(key, out var owners) ? owners : map[key] = [];
}
