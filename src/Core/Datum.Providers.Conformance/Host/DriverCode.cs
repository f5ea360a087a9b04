using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace Datum.Providers.Conformance;

/// <summary>What a driver's assembly calls and keeps, read from its metadata.</summary>
internal sealed class DriverCode
{
    private const int MemberReferences = 0x0A000000;
    private const int MethodSpecifications = 0x2B000000;

    private DriverCode(Assembly assembly)
    {
        Assembly = assembly;
        Calls = [.. Read(assembly, MemberReferences, Rows(assembly, TableIndex.MemberRef)), .. Read(assembly, MethodSpecifications, Rows(assembly, TableIndex.MethodSpec))];
    }

    public Assembly Assembly { get; }

    /// <summary>Methods of other assemblies that the code names.</summary>
    public ImmutableArray<CalledMethod> Calls { get; }

    /// <summary>Code of the assembly that holds the factory.</summary>
    public static DriverCode Of(IDriverFactory factory) => new(factory.GetType().Assembly);

    /// <summary>Static fields that a person wrote: not those of the compiler and of generators.</summary>
    public IEnumerable<FieldInfo> Statics() => Assembly.GetTypes()
        .Where(t => !IsGenerated(t))
        .SelectMany(t => t.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
        .Where(f => !f.IsLiteral && !f.IsDefined(typeof(System.CodeDom.Compiler.GeneratedCodeAttribute)) && !(f.Name.Contains('<', StringComparison.Ordinal) && !f.Name.EndsWith(">k__BackingField", StringComparison.Ordinal)));

    private static bool IsGenerated(Type type)
    {
        for (var t = type; t is not null; t = t.DeclaringType)
            if (t.Name.Contains('<', StringComparison.Ordinal) || t.IsDefined(typeof(System.CodeDom.Compiler.GeneratedCodeAttribute), inherit: false))
                return true;
        return false;
    }

    // Also of an assembly that was loaded from memory and has no file.
    private static unsafe int Rows(Assembly assembly, TableIndex table) =>
        assembly.TryGetRawMetadata(out var blob, out var length) ? new MetadataReader(blob, length).GetTableRowCount(table) : 0;

    private static IEnumerable<CalledMethod> Read(Assembly assembly, int table, int rows)
    {
        var module = assembly.ManifestModule;
        for (var row = 1; row <= rows; row++)
        {
            MethodBase? method;
            try
            {
                method = module.ResolveMethod(table | row);
            }
            catch (Exception e) when (e is ArgumentException or BadImageFormatException or TypeLoadException or MissingMemberException or IOException)
            {
                // A field, or a method of a type that only makes sense within a generic one.
                continue;
            }

            if (method?.DeclaringType is { } type)
                yield return new CalledMethod(type.IsGenericType ? type.GetGenericTypeDefinition().FullName! : type.FullName ?? type.Name, method.Name, [.. method.GetParameters().Select(p => p.ParameterType.IsGenericType ? p.ParameterType.GetGenericTypeDefinition().FullName ?? "" : p.ParameterType.FullName ?? p.ParameterType.Name)]);
        }
    }
}

/// <summary>A method that the driver's code names.</summary>
internal sealed record CalledMethod(string Type, string Name, ImmutableArray<string> Parameters);
