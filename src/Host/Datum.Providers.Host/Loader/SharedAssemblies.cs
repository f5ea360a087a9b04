using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Loader;

/// <summary>
/// What a driver shares with the host. The list is closed: the contract, the logging abstractions that it uses, and the framework.
/// Nothing else of the host is lent, or a driver would run on whatever version the host happens to have.
/// </summary>
internal static class SharedAssemblies
{
    /// <summary>The assemblies beside the framework that exist once in the process.</summary>
    public static ImmutableArray<string> Names { get; } = ["Datum.Providers.Abstractions", "Microsoft.Extensions.Logging.Abstractions"];

    private static readonly FrozenDictionary<string, Assembly> s_shared = new[] { typeof(Contract).Assembly, typeof(ILogger).Assembly }
        .ToFrozenDictionary(a => a.GetName().Name!, StringComparer.OrdinalIgnoreCase);

    // Types of these cross the contract, so that a second copy would be a second type of the same name.
    private static readonly FrozenSet<string> s_surface = typeof(Contract).Assembly.GetReferencedAssemblies()
        .Select(a => a.Name!).Concat(Names).ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private static readonly FrozenSet<string> s_framework = FrameworkNames();

    /// <summary>The shared assembly of that name, or null.</summary>
    public static Assembly? Find(string name) => s_shared.GetValueOrDefault(name);

    /// <summary>Whether a copy in a driver's folder would break type identity.</summary>
    public static bool IsOnSurface(string name) => s_surface.Contains(name);

    /// <summary>Whether the name belongs to the .NET runtime or ASP.NET Core, not to the host's own packages.</summary>
    public static bool IsFramework(string name) => s_framework.Contains(name);

    /// <summary>What is wrong with a reference to a shared assembly; null when nothing is.</summary>
    public static string? VersionFault(string name, Version wanted)
    {
        if (Find(name) is not { } assembly)
            return null;
        var have = assembly.GetName().Version!;
        if (assembly == typeof(Contract).Assembly && wanted.Major != have.Major)
            return $"was built with {name} {wanted}, and this host has {have}: another major. Take the driver's release for this host";
        return wanted > have ? $"was built with {name} {wanted}, and this host has the older {have}. Take an older release of the driver, or a newer host" : null;
    }

    private static FrozenSet<string> FrameworkNames()
    {
        var platform = (AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") as string ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        var own = HostsOwn(platform);
        return platform.Select(p => Path.GetFileNameWithoutExtension(p)).Where(n => !own.Contains(n)).ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }

    // A self-contained host has the framework beside its own assemblies; only its deps.json tells them apart ("runtimepack").
    private static HashSet<string> HostsOwn(string[] platform)
    {
        HashSet<string> own = new(StringComparer.OrdinalIgnoreCase);
        var depsFiles = (AppContext.GetData("APP_CONTEXT_DEPS_FILES") as string ?? "")
            .Split([';', Path.PathSeparator], StringSplitOptions.RemoveEmptyEntries)
            .Where(f => IsInBase(f) && File.Exists(f)).ToList();
        if (depsFiles.Count == 0)
            return [.. platform.Where(IsInBase).Select(p => Path.GetFileNameWithoutExtension(p))];
        foreach (var file in depsFiles)
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file));
            var types = document.RootElement.GetProperty("libraries");
            foreach (var target in document.RootElement.GetProperty("targets").EnumerateObject())
                foreach (var library in target.Value.EnumerateObject())
                    if (library.Value.TryGetProperty("runtime", out var runtime)
                        && types.TryGetProperty(library.Name, out var entry) && entry.GetProperty("type").GetString() != "runtimepack")
                        own.UnionWith(runtime.EnumerateObject().Select(f => Path.GetFileNameWithoutExtension(f.Name)));
        }

        return own;
    }

    private static bool IsInBase(string path) =>
        string.Equals(Path.GetDirectoryName(Path.GetFullPath(path)), Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory), StringComparison.Ordinal);
}
