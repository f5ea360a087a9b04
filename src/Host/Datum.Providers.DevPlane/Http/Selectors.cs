using System.Text;

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
            foreach (var term in Terms(fields)) selection.AddField(version, term, fields);
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

    /// <summary>Splits at commas that no backslash escapes.</summary>
    private static IEnumerable<string> Terms(string fields)
    {
        var from = 0;
        for (var i = 0; i < fields.Length; i++)
        {
            if (fields[i] == '\\')
            {
                i++;
            }
            else if (fields[i] == ',')
            {
                yield return fields[from..i];
                from = i + 1;
            }
        }

        yield return fields[from..];
    }

    private void AddField(KindVersion version, string term, string whole)
    {
        if (term.Length == 0) return;
        var at = term.IndexOf('=', StringComparison.Ordinal);
        if (at < 0) throw ApiError.BadRequest($"invalid selector: '{whole}'; can't understand '{term}'");
        var negated = at > 0 && term[at - 1] == '!';
        var doubled = !negated && at + 1 < term.Length && term[at + 1] == '=';
        var label = term[..(negated ? at - 1 : at)];
        var wanted = Unescape(term[(at + (doubled ? 2 : 1))..]);
        Func<StoredObject, string> read = label switch
        {
            "metadata.name" => o => o.Name,
            "metadata.namespace" => o => o.Namespace,
            _ => Custom(version, label),
        };
        tests.Add(o => (read(o) == wanted) != negated);
    }

    private static string Unescape(string value)
    {
        var text = new StringBuilder(value.Length);
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '=') throw ApiError.BadRequest($"invalid field selector: unescaped character in value: {value[i]}");
            if (value[i] == '\\' && i + 1 < value.Length) i++;
            text.Append(value[i]);
        }

        return text.ToString();
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
