using System.Text.RegularExpressions;

namespace Datum.Providers.DevPlane;

/// <summary>Label and field selectors of one request, and its namespace.</summary>
internal sealed class Selection
{
    private readonly List<Func<StoredObject, bool>> tests = [];

    public bool HasSelectors { get; private set; }

    public static Selection Parse(ResourceKind kind, KindVersion version, string @namespace, string? labels, string? fields)
    {
        var selection = new Selection();
        if (@namespace.Length > 0) selection.tests.Add(o => o.Namespace == @namespace);
        if (!string.IsNullOrWhiteSpace(labels))
        {
            selection.HasSelectors = true;
            LabelSelector.Parse(labels, selection.tests);
        }

        if (!string.IsNullOrWhiteSpace(fields))
        {
            selection.HasSelectors = true;
            foreach (var term in fields.Split(',')) selection.AddField(kind, version, term);
        }

        return selection;
    }

    public bool Matches(StoredObject value)
    {
        foreach (var test in tests)
        {
            if (!test(value)) return false;
        }

        return true;
    }

    private void AddField(ResourceKind kind, KindVersion version, string term)
    {
        if (term.Length == 0) return;
        var at = term.IndexOf('=', StringComparison.Ordinal);
        if (at <= 0) throw ApiError.BadRequest($"invalid selector: '{term}'; can't understand '{term}'");
        var negated = term[at - 1] == '!';
        var label = term[..(negated ? at - 1 : at)].Trim();
        var wanted = term[(at + 1)..].TrimStart('=').Trim();
        Func<StoredObject, string> read = label switch
        {
            "metadata.name" => o => o.Name,
            "metadata.namespace" => o => o.Namespace,
            _ => Custom(version, label),
        };
        tests.Add(o => (read(o) == wanted) != negated);
    }

    private static Func<StoredObject, string> Custom(KindVersion version, string label)
    {
        var field = version.SelectableFields.FirstOrDefault(f => f.Label == label)
            ?? throw ApiError.BadRequest("field label not supported: " + label);
        return o =>
        {
            var found = field.Path.First(o.Parse());
            return found is null ? "" : JsonText.String(found) ?? JsonText.Show(found);
        };
    }
}

/// <summary>Equality and set-based label selectors.</summary>
internal static partial class LabelSelector
{
    public static void Parse(string text, List<Func<StoredObject, bool>> tests)
    {
        var tokens = Token().Matches(text).Select(m => m.Value).ToList();
        var at = 0;
        while (at < tokens.Count)
        {
            tests.Add(Requirement(tokens, ref at));
            if (at == tokens.Count) return;
            if (tokens[at] != ",") throw Unexpected(tokens[at], "',' or 'end of string'");
            at++;
            if (at == tokens.Count) throw ApiError.BadRequest("unable to parse requirement: found '', expected: identifier after ','");
        }
    }

    private static Func<StoredObject, bool> Requirement(List<string> tokens, ref int at)
    {
        var absent = tokens[at] == "!";
        if (absent) at++;
        var key = Identifier(tokens, ref at);
        if (absent) return o => o.Label(key) is null;
        if (at == tokens.Count || tokens[at] == ",") return o => o.Label(key) is not null;
        var op = tokens[at++];
        switch (op)
        {
            case "=" or "==":
                var equal = Value(tokens, ref at);
                return o => o.Label(key) == equal;
            case "!=":
                var other = Value(tokens, ref at);
                return o => o.Label(key) != other;
            case "in" or "notin":
                var values = Values(tokens, ref at);
                return op == "in" ? o => o.Label(key) is { } v && values.Contains(v) : o => o.Label(key) is not { } v || !values.Contains(v);
            case ">" or "<":
                if (!long.TryParse(Value(tokens, ref at), out var bound)) throw ApiError.BadRequest("for 'Gt', 'Lt' operators, the value must be an integer");
                return o => long.TryParse(o.Label(key), out var number) && (op == ">" ? number > bound : number < bound);
            default:
                throw Unexpected(op, "in, notin, =, ==, !=, gt, lt");
        }
    }

    private static string Identifier(List<string> tokens, ref int at)
    {
        if (at == tokens.Count || !char.IsAsciiLetterOrDigit(tokens[at][0])) throw Unexpected(at == tokens.Count ? "" : tokens[at], "!, identifier, or ','");
        return tokens[at++];
    }

    private static string Value(List<string> tokens, ref int at) =>
        at < tokens.Count && tokens[at] != "," ? tokens[at++] : "";

    private static HashSet<string> Values(List<string> tokens, ref int at)
    {
        if (at == tokens.Count || tokens[at] != "(") throw Unexpected(at == tokens.Count ? "" : tokens[at], "'('");
        at++;
        var values = new HashSet<string>(StringComparer.Ordinal);
        while (true)
        {
            if (at == tokens.Count) throw Unexpected("", "',', ')' or identifier");
            if (tokens[at] == ")")
            {
                at++;
                return values;
            }

            if (tokens[at] != ",") values.Add(tokens[at]);
            at++;
        }
    }

    private static ApiError Unexpected(string found, string expected) =>
        ApiError.BadRequest($"unable to parse requirement: found '{found}', expected: {expected}");

    [GeneratedRegex(@"==|!=|=|!|,|\(|\)|<|>|[^\s=!,()<>]+")]
    private static partial Regex Token();
}
