using System.Globalization;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>The subset of JSONPath that printer columns use: fields, quoted fields, indexes, [*] and equality filters.</summary>
internal sealed class JsonPath
{
    private readonly List<Func<IEnumerable<JsonNode?>, IEnumerable<JsonNode?>>> steps = [];

    private JsonPath(string text) => Text = text;

    public string Text { get; }

    public static bool TryParse(string text, out JsonPath path, out string error)
    {
        path = new JsonPath(text);
        error = "";
        try
        {
            path.Parse();
            return true;
        }
        catch (FormatException e)
        {
            error = e.Message;
            return false;
        }
    }

    public JsonNode? First(JsonObject root) => Find(root).FirstOrDefault();

    public IEnumerable<JsonNode?> Find(JsonNode? root)
    {
        IEnumerable<JsonNode?> values = [root];
        foreach (var step in steps) values = step(values);
        return values;
    }

    private void Parse()
    {
        var at = 0;
        if (Text.Length == 0 || Text[0] is not ('.' or '[')) throw new FormatException("must be a simple json path starting with .");
        while (at < Text.Length)
        {
            if (Text[at] == '.')
            {
                at++;
                var name = Name(ref at);
                if (name.Length > 0) steps.Add(Field(name));
            }
            else if (Text[at] == '[')
            {
                var end = Closing(at);
                steps.Add(Bracket(Text[(at + 1)..end].Trim()));
                at = end + 1;
            }
            else
            {
                throw new FormatException($"unexpected '{Text[at]}' at {at}");
            }
        }
    }

    private string Name(ref int at)
    {
        var name = new System.Text.StringBuilder();
        while (at < Text.Length && Text[at] is not ('.' or '['))
        {
            if (Text[at] == '\\' && at + 1 < Text.Length) at++;
            name.Append(Text[at++]);
        }

        return name.ToString();
    }

    private int Closing(int open)
    {
        var quote = '\0';
        for (var i = open + 1; i < Text.Length; i++)
        {
            if (quote != '\0')
            {
                if (Text[i] == quote) quote = '\0';
            }
            else if (Text[i] is '\'' or '"')
            {
                quote = Text[i];
            }
            else if (Text[i] == ']')
            {
                return i;
            }
        }

        throw new FormatException("unterminated [");
    }

    private static Func<IEnumerable<JsonNode?>, IEnumerable<JsonNode?>> Field(string name) => name == "*"
        ? values => values.SelectMany(All)
        : values => values.OfType<JsonObject>().Where(o => o.ContainsKey(name)).Select(o => o[name]);

    private static IEnumerable<JsonNode?> All(JsonNode? value) => value switch
    {
        JsonArray a => a,
        JsonObject o => o.Select(p => p.Value),
        _ => [],
    };

    private static Func<IEnumerable<JsonNode?>, IEnumerable<JsonNode?>> Bracket(string inner)
    {
        if (inner == "*") return values => values.SelectMany(All);
        if (inner.Length > 1 && inner[0] is '\'' or '"') return Field(Unquote(inner));
        if (inner.StartsWith("?(", StringComparison.Ordinal) && inner.EndsWith(')')) return Filter(inner[2..^1].Trim());
        if (!int.TryParse(inner, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var index)) throw new FormatException($"unsupported [{inner}]");
        return values => values.OfType<JsonArray>().Where(a => At(a, index) is >= 0).Select(a => a[At(a, index)]);
    }

    private static int At(JsonArray array, int index)
    {
        var at = index < 0 ? array.Count + index : index;
        return at < array.Count ? at : -1;
    }

    private static Func<IEnumerable<JsonNode?>, IEnumerable<JsonNode?>> Filter(string condition)
    {
        var not = condition.IndexOf("!=", StringComparison.Ordinal);
        var equal = condition.IndexOf("==", StringComparison.Ordinal);
        var split = equal >= 0 ? equal : not;
        if (split < 0 || !condition.StartsWith('@')) throw new FormatException($"unsupported filter ({condition})");
        if (!TryParse(condition[1..split].Trim(), out var left, out var error)) throw new FormatException(error);
        var wanted = Unquote(condition[(split + 2)..].Trim());
        var negated = equal < 0;
        return values => values.OfType<JsonArray>().SelectMany(a => a).Where(item => left.Find(item).Any(v => Plain(v) == wanted) != negated);
    }

    private static string Plain(JsonNode? value) => JsonText.String(value) ?? JsonText.Show(value);

    private static string Unquote(string text) =>
        text.Length > 1 && text[0] is '\'' or '"' && text[^1] == text[0] ? text[1..^1] : text;
}
