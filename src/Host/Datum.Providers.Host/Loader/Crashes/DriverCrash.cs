using System.Text.Json.Serialization;

namespace Datum.Providers.Host.Loader;

/// <summary>How a driver ended the process.</summary>
public enum CrashKind
{
    Unknown = 0,

    /// <summary>An exception that nobody caught, on a thread, in an async void method or in a finalizer.</summary>
    UnhandledException = 1,

    /// <summary>A call of <see cref="Environment.Exit"/>.</summary>
    Exit = 2,

    /// <summary>What the runtime can't go on after: FailFast, a stack overflow, a bad memory access, an abort of native code.</summary>
    Fatal = 3,
}

/// <summary>A process of the host that a driver ended.</summary>
public sealed record DriverCrash
{
    public required string Driver { get; init; }

    public required string Version { get; init; }

    /// <summary>SHA-256 of driver.json: another build starts afresh.</summary>
    public required string Digest { get; init; }

    public required DateTimeOffset At { get; init; }

    public required CrashKind Kind { get; init; }

    /// <summary>Type of the exception and the driver's method, without messages: those may hold anything.</summary>
    public required string What { get; init; }

    /// <summary>Id of the process that ended.</summary>
    public required int Process { get; init; }

    /// <summary>When that process started; with its id it says which one it was.</summary>
    public required DateTimeOffset Started { get; init; }
}

/// <summary>What the loader asks about crashes.</summary>
internal interface ICrashBook
{
    /// <summary>Why a driver isn't to be loaded, in a sentence; null when nothing is known against it.</summary>
    string? WhyNot(DriverManifest manifest);

    /// <summary>Told before any code of these drivers runs.</summary>
    void Begin(IReadOnlyList<VerifiedDriver> drivers);
}

/// <summary>crashes.json</summary>
internal sealed class CrashDocument
{
    public int FormatVersion { get; set; }

    public List<DriverCrash>? Crashes { get; set; }
}

/// <summary>modules.json: which driver each module of a process belongs to.</summary>
internal sealed class ModuleDocument
{
    public int FormatVersion { get; set; }

    public int Process { get; set; }

    public DateTimeOffset Started { get; set; }

    public List<DriverModules>? Drivers { get; set; }
}

/// <summary>One driver's part of modules.json.</summary>
internal sealed class DriverModules
{
    public string Id { get; set; } = "";

    public string Version { get; set; } = "";

    public string Digest { get; set; } = "";

    /// <summary>Module version ids.</summary>
    public List<Guid> Modules { get; set; } = [];

    /// <summary>Methods that call Environment.Exit, as <see cref="Method"/> writes them.</summary>
    public List<string> Exits { get; set; } = [];

    /// <summary>A method of a module.</summary>
    public static string Method(Guid module, int token) => $"{module:N}/{token:x8}";

    /// <summary>File names of native libraries.</summary>
    public List<string> Natives { get; set; } = [];
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true, MaxDepth = 8)]
[JsonSerializable(typeof(CrashDocument))]
[JsonSerializable(typeof(ModuleDocument))]
internal sealed partial class CrashJson : JsonSerializerContext;
