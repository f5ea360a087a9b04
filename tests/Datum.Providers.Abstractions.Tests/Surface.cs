using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Datum.Providers.Abstractions.Tests;

/// <summary>Prints the public surface of an assembly: one line for a type, one indented line for each member, sorted.</summary>
internal static class Surface
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    /// <summary>Members that the compiler gives every record.</summary>
    private static readonly HashSet<string> _ofRecords = ["<Clone>$", "Equals", "GetHashCode", "ToString", "PrintMembers", "op_Equality", "op_Inequality", "EqualityContract"];

    public static string Print(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (var type in assembly.GetExportedTypes().OrderBy(t => TypeNames.Of(t), StringComparer.Ordinal))
        {
            text.Append(Header(type)).Append('\n');
            foreach (var line in Members(type))
                text.Append("  ").Append(line).Append('\n');
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>True for a record (class).</summary>
    public static bool IsRecord(Type type) => type.GetMethod("<Clone>$", Declared) is not null;

    /// <summary>Methods that people wrote: no accessors, and nothing that a record gets by itself.</summary>
    public static IEnumerable<MethodInfo> Methods(Type type) => type.GetMethods(Declared)
        .Where(m => IsVisible(m) && (!m.IsSpecialName || m.Name.StartsWith("op_", StringComparison.Ordinal)))
        .Where(m => !m.IsDefined(typeof(CompilerGeneratedAttribute)) && !(IsRecord(type) && _ofRecords.Contains(m.Name)));

    public static IEnumerable<PropertyInfo> Properties(Type type) => type.GetProperties(Declared)
        .Where(p => (p.GetMethod is { } get && IsVisible(get)) || (p.SetMethod is { } set && IsVisible(set)))
        .Where(p => !(IsRecord(type) && _ofRecords.Contains(p.Name)));

    public static bool IsInit(PropertyInfo property) =>
        property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) == true;

    public static bool IsRequired(PropertyInfo property) => property.IsDefined(typeof(RequiredMemberAttribute));

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static string Header(Type type)
    {
        if (type.IsEnum)
            return $"enum {TypeNames.Of(type)} : {TypeNames.Of(type.GetEnumUnderlyingType())}";
        var words = type switch
        {
            { IsInterface: true } => "interface",
            { IsAbstract: true, IsSealed: true } => "static class",
            _ => (type.IsAbstract ? "abstract " : type.IsSealed ? "sealed " : "open ") + (IsRecord(type) ? "record" : type.IsValueType ? "struct" : "class"),
        };
        var bases = new List<string>();
        if (type.BaseType is { } b && b != typeof(object) && b != typeof(ValueType))
            bases.Add(TypeNames.Of(b));
        var inherited = type.BaseType?.GetInterfaces() ?? [];
        bases.AddRange(type.GetInterfaces().Where(i => !inherited.Contains(i) && !(i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IEquatable<>)))
            .Select(TypeNames.Of).Order(StringComparer.Ordinal));
        var constraints = type.IsGenericTypeDefinition
            ? string.Concat(type.GetGenericArguments().Select(a => (a, c: TypeNames.Constraints(a))).Where(x => x.c.Length > 0).Select(x => $" where {x.a.Name} : {x.c}"))
            : "";
        return $"{words} {TypeNames.Of(type)}{(bases.Count > 0 ? " : " + string.Join(", ", bases) : "")}{constraints}";
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
            return Enum.GetNames(type).Select(n => (n, v: Convert.ToInt64(Enum.Parse(type, n), null))).OrderBy(x => x.v).Select(x => $"{x.n} = {x.v}");
        if (typeof(Delegate).IsAssignableFrom(type))
            return [];
        var lines = new List<string>();
        lines.AddRange(type.GetConstructors(Declared).Where(c => IsVisible(c) && !IsCopy(c, type))
            .Select(c => $"{(c.IsPublic ? "" : "protected ")}new({Parameters(c)})"));
        lines.AddRange(type.GetFields(Declared).Where(f => f.IsPublic || f.IsFamily).Select(f => $"field {TypeNames.Of(f.FieldType)} {f.Name}"));
        lines.AddRange(Properties(type).Select(Property));
        lines.AddRange(type.GetEvents(Declared).Select(e => $"event {e.Name}"));
        lines.AddRange(Methods(type).Select(Method));
        lines.Sort(StringComparer.Ordinal);
        return lines;
    }

    private static bool IsCopy(ConstructorInfo constructor, Type type) =>
        IsRecord(type) && constructor.GetParameters() is [var only] && only.ParameterType == type;

    private static string Property(PropertyInfo property)
    {
        var accessor = property.GetMethod ?? property.SetMethod!;
        var setter = property.SetMethod is { } s && IsVisible(s) ? IsInit(property) ? " init;" : " set;" : "";
        return $"{(accessor.IsStatic ? "static " : "")}{(IsRequired(property) ? "required " : "")}{property.Name}: {TypeNames.Of(property)} {{{(property.GetMethod is null ? "" : " get;")}{setter} }}{DefaultBody(accessor)}";
    }

    private static string Method(MethodInfo method)
    {
        var generic = method.IsGenericMethodDefinition ? $"<{string.Join(", ", method.GetGenericArguments().Select(a => a.Name))}>" : "";
        return $"{(method.IsStatic ? "static " : "")}{method.Name}{generic}({Parameters(method)}): {TypeNames.Of(method.ReturnParameter)}{DefaultBody(method)}";
    }

    // A member of an interface without a body must be written by every driver: the difference between compatible and breaking.
    private static string DefaultBody(MethodInfo method) => method.DeclaringType!.IsInterface && !method.IsAbstract ? " (default body)" : "";

    private static string Parameters(MethodBase method) =>
        string.Join(", ", method.GetParameters().Select(p => $"{TypeNames.Of(p)} {p.Name}{(p.HasDefaultValue ? $" = {p.DefaultValue ?? "null"}" : "")}"));
}
