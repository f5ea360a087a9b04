using System.Reflection;

namespace Datum.Providers.Abstractions.Tests;

/// <summary>Types as a C# author writes them, with nullability.</summary>
internal static class TypeNames
{
    private static readonly NullabilityInfoContext _nullability = new();

    private static readonly Dictionary<Type, string> _words = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(byte)] = "byte",
        [typeof(int)] = "int",
        [typeof(long)] = "long",
        [typeof(double)] = "double",
    };

    public static string Of(PropertyInfo property) => Of(property.PropertyType, _nullability.Create(property));

    public static string Of(ParameterInfo parameter) => Of(parameter.ParameterType, _nullability.Create(parameter));

    public static string Of(Type type) => Of(type, null);

    public static string Constraints(Type argument)
    {
        var attributes = argument.GenericParameterAttributes;
        var words = new List<string>();
        if (attributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
            words.Add("class");
        if (attributes.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint))
            words.Add("struct");
        words.AddRange(argument.GetGenericParameterConstraints().Select(Of));
        return string.Join(", ", words);
    }

    private static string Of(Type type, NullabilityInfo? info)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Of(inner, null) + "?";
        var mark = info?.ReadState is NullabilityState.Nullable && !type.IsValueType ? "?" : "";
        if (_words.TryGetValue(type, out var word))
            return word + mark;
        if (type.IsArray)
            return $"{Of(type.GetElementType()!, info?.ElementType)}[]{mark}";
        if (type.IsGenericParameter)
            return type.Name + mark;
        if (!type.IsGenericType)
            return type.Name + mark;
        var arguments = type.GetGenericArguments();
        var known = info?.GenericTypeArguments;
        return $"{type.Name[..type.Name.IndexOf('`')]}<{string.Join(", ", arguments.Select((a, i) => Of(a, known is { } k && i < k.Length ? k[i] : null)))}>{mark}";
    }
}
