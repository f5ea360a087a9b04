using System.Collections.Immutable;
using System.Reflection;

namespace Datum.Providers.Abstractions.Tests;

/// <summary>Objects of the contract with every member set (or only those that are required), each value told apart from the others.</summary>
internal sealed class Samples(bool requiredOnly)
{
    private int _count;

    public static T Full<T>() => (T)new Samples(requiredOnly: false).Value(typeof(T));

    public static T Minimal<T>() => (T)new Samples(requiredOnly: true).Value(typeof(T));

    private object Value(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        _count++;
        if (type == typeof(string))
            return $"text-{_count}";
        if (type == typeof(bool))
            return true;
        if (type == typeof(int))
            return _count;
        if (type == typeof(long))
            return (long)_count;
        if (type == typeof(TimeSpan))
            return TimeSpan.FromSeconds(_count);
        if (type == typeof(DateTimeOffset))
            return DateTimeOffset.UnixEpoch.AddSeconds(_count);
        if (type.IsEnum)
            return Enum.GetValues(type).GetValue(Enum.GetValues(type).Length - 1)!;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ImmutableArray<>))
            return Array(type.GetGenericArguments()[0]);
        if (type == typeof(ImmutableDictionary<string, string>))
            return ImmutableDictionary<string, string>.Empty.Add($"key-{_count}", $"value-{_count}");
        if (!Surface.IsRecord(type))
            throw new InvalidOperationException($"No sample for {type}.");
        var value = Activator.CreateInstance(type)!;
        foreach (var property in type.GetProperties().Where(p => p.SetMethod is not null && (!requiredOnly || Surface.IsRequired(p))))
            property.SetValue(value, Value(property.PropertyType));
        return value;
    }

    private object Array(Type element)
    {
        var items = System.Array.CreateInstance(element, 2);
        items.SetValue(Value(element), 0);
        items.SetValue(Value(element), 1);
        return typeof(ImmutableArray).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Single(m => m.Name == nameof(ImmutableArray.Create) && m.GetParameters() is [var p] && p.ParameterType.IsArray)
            .MakeGenericMethod(element).Invoke(null, [items])!;
    }
}
