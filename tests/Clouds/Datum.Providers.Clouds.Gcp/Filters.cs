using System.Text.RegularExpressions;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>
/// The filters of Google's lists, in the two forms that clients write: <c>(name eq "regex") (status ne DONE)</c>, and
/// <c>labels.a = "b" AND name : web*</c>. Terms beside each other must all hold, OR binds closer than AND. Regular expressions over several fields
/// are refused, as the description of the parameter says.
/// </summary>
internal static partial class Filters
{
    public static Func<JsonObject, bool> Parse(string? filter)
    {
        if (string.IsNullOrWhiteSpace(filter))
            return static _ => true;
        var terms = new List<Func<JsonObject, bool>>();
        var expressed = new HashSet<string>(StringComparer.Ordinal);
        var or = false;
        var rest = filter.Trim();
        while (rest.Length > 0)
        {
            var match = Term().Match(rest);
            if (!match.Success)
                throw new GcpError(400, "invalid", $"Invalid value for field 'filter': '{filter}'. Invalid list filter expression.");
            var (field, op, quoted) = (match.Groups["field"].Value, match.Groups["op"].Value, match.Groups["text"].Success);
            var value = quoted ? match.Groups["text"].Value.Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal) : match.Groups["word"].Value;
            if (op is "eq" or "ne" && expressed.Add(field) && expressed.Count > 1)
                throw new GcpError(400, "invalid", $"Invalid value for field 'filter': '{filter}'. Regular expressions on several fields can't be combined.");
            var term = OfTerm(field, op, value);
            if (or)
            {
                var before = terms[^1];
                terms[^1] = body => before(body) || term(body);
            }
            else
            {
                terms.Add(term);
            }

            rest = rest[match.Length..].TrimStart();
            or = rest.StartsWith("OR ", StringComparison.Ordinal);
            if (or)
                rest = rest[3..].TrimStart();
            else if (rest.StartsWith("AND ", StringComparison.Ordinal))
                rest = rest[4..].TrimStart();
        }

        return body => terms.All(t => t(body));
    }

    private static Func<JsonObject, bool> OfTerm(string field, string op, string value) => op switch
    {
        "eq" => body => Whole(value, Value(body, field) ?? ""),
        "ne" => body => !Whole(value, Value(body, field) ?? ""),
        "=" => body => Value(body, field) == value,
        "!=" => body => Value(body, field) != value,
        _ => body => Value(body, field) is { } text && (value == "*" || (value.EndsWith('*') ? text.StartsWith(value[..^1], StringComparison.Ordinal) : text.Contains(value, StringComparison.OrdinalIgnoreCase))),
    };

    private static bool Whole(string regex, string text) => Regex.IsMatch(text, $"^(?:{regex})$", RegexOptions.CultureInvariant | RegexOptions.Singleline, TimeSpan.FromSeconds(1));

    private static string? Value(JsonObject body, string field)
    {
        JsonNode? node = body;
        foreach (var part in field.Split('.'))
            node = (node as JsonObject)?[part];
        return node?.ToString();
    }

    [GeneratedRegex("""^\(?\s*(?<field>[A-Za-z][A-Za-z0-9_.-]*)\s*(?:(?<op>eq|ne)\s+|(?<op>!=|=|:)\s*)(?:"(?<text>(?:\\.|[^"\\])*)"|(?<word>[^\s()"]+))\s*\)?""", RegexOptions.CultureInvariant)]
    private static partial Regex Term();
}
