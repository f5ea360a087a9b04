using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Datum.Providers.Host.Loader;

/// <summary>
/// Assemblies of the framework that each driver gets a copy of, from the running framework's own folder. Their static caches
/// (TypeDescriptor, the binder of dynamic) hold on to the types that they have seen: shared, they would keep a driver's load context alive.
/// No type of them crosses the contract.
/// </summary>
internal static class PrivateFramework
{
    public static ImmutableArray<string> Names { get; } = ["Microsoft.CSharp", "System.ComponentModel.Annotations", "System.ComponentModel.TypeConverter"];

    private static readonly FrozenDictionary<string, string> s_paths = (AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") as string ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Where(p => Names.Contains(Path.GetFileNameWithoutExtension(p), StringComparer.OrdinalIgnoreCase))
        .ToFrozenDictionary(p => Path.GetFileNameWithoutExtension(p), StringComparer.OrdinalIgnoreCase);

    /// <summary>Where to load a private copy from; null for an assembly that is shared.</summary>
    public static string? PathOf(string name) => s_paths.GetValueOrDefault(name);
}
