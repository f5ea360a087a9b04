using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Datum.Providers.Resources.Rules;

/// <summary>The functions of CEL that our twins need, with its errors and its order of evaluation.</summary>
internal static partial class Cel
{
    /// <summary><c>value.key</c> and <c>value['key']</c>: an error where there is none.</summary>
    public static JsonNode? Get(JsonNode? value, string key) =>
        value is JsonObject members && members.TryGetPropertyValue(key, out var found) ? found : throw new RuleErrorException($"no such key: {key}");

    /// <summary><c>has(value.key)</c>, and <c>key in value</c> for maps.</summary>
    public static bool Has(JsonNode? value, string key) => value is JsonObject members && members.ContainsKey(key);

    public static string Text(JsonNode? value) =>
        value is JsonValue plain && plain.TryGetValue<string>(out var text) ? text : throw new RuleErrorException("no such overload");

    public static long Int(JsonNode? value) => value is JsonValue plain && TryInt(plain, out var whole) ? whole : throw new RuleErrorException("no such overload");

    public static bool Bool(JsonNode? value) =>
        value is JsonValue plain && plain.TryGetValue<bool>(out var flag) ? flag : throw new RuleErrorException("no such overload");

    /// <summary><c>a == b</c>: members in any order, numbers by value.</summary>
    public static bool Equal(JsonNode? a, JsonNode? b)
    {
        switch (a, b)
        {
            case (null, null):
                return true;
            case (JsonObject x, JsonObject y):
                return x.Count == y.Count && x.All(m => y.TryGetPropertyValue(m.Key, out var other) && Equal(m.Value, other));
            case (JsonArray x, JsonArray y):
                return x.Count == y.Count && x.Zip(y).All(p => Equal(p.First, p.Second));
            case (JsonValue x, JsonValue y):
                // Whole numbers as such: two of them can be the same double.
                if (TryInt(x, out var i) && TryInt(y, out var j)) return i == j;
                return JsonNode.DeepEquals(x, y) || (TryDouble(x, out var m) && TryDouble(y, out var n) && m.Equals(n));
            default:
                return false;
        }
    }

    /// <summary><c>has(self.key) == has(oldSelf.key) &amp;&amp; (!has(self.key) || self.key == oldSelf.key)</c>.</summary>
    public static bool SameMember(JsonNode? self, JsonNode? old, string key) =>
        Has(self, key) == Has(old, key) && (!Has(self, key) || Equal(Get(self, key), Get(old, key)));

    /// <summary><c>list.all(x, holds)</c>: one that doesn't hold decides, also where another has an error.</summary>
    public static bool All(JsonNode? list, Func<JsonNode?, bool> holds)
    {
        RuleErrorException? first = null;
        foreach (var item in Items(list))
        {
            try
            {
                if (!holds(item)) return false;
            }
            catch (RuleErrorException error)
            {
                first ??= error;
            }
        }

        return first is null ? true : throw first;
    }

    /// <summary><c>list.exists_one(x, holds)</c>: any error is an error of the whole.</summary>
    public static bool ExistsOne(JsonNode? list, Func<JsonNode?, bool> holds) => Items(list).Count(holds) == 1;

    public static JsonArray Items(JsonNode? list) => list as JsonArray ?? throw new RuleErrorException("no such overload");

    /// <summary><c>double(text)</c>: what Go's ParseFloat takes, hexadecimal floats excepted.</summary>
    public static double Double(JsonNode? value)
    {
        if (value is JsonValue plain && TryDouble(plain, out var number)) return number;
        var text = Text(value);
        if (Infinity().Match(text) is { Success: true } infinite) return infinite.Groups[1].Value == "-" ? double.NegativeInfinity : double.PositiveInfinity;
        if (text.Equals("nan", StringComparison.OrdinalIgnoreCase)) return double.NaN;
        if (Number().IsMatch(text)
            && double.TryParse(text.Replace("_", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed)
            && double.IsFinite(parsed))
        {
            return parsed;
        }

        throw new RuleErrorException("type conversion error from 'string' to 'double'");
    }

    private static bool TryInt(JsonValue value, out long number)
    {
        if (value.TryGetValue(out number)) return true;
        var found = value.TryGetValue<int>(out var small);
        number = small;
        return found;
    }

    private static bool TryDouble(JsonValue value, out double number)
    {
        if (TryInt(value, out var whole))
        {
            number = whole;
            return true;
        }

        return value.TryGetValue(out number);
    }

    [GeneratedRegex(@"^([+-]?)inf(?:inity)?\z", RegexOptions.IgnoreCase)]
    private static partial Regex Infinity();

    [GeneratedRegex(@"^[+-]?([0-9]+(_[0-9]+)*(\.([0-9]+(_[0-9]+)*)?)?|\.[0-9]+(_[0-9]+)*)([eE][+-]?[0-9]+(_[0-9]+)*)?\z")]
    private static partial Regex Number();
}
