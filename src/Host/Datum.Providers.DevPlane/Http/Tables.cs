using System.Globalization;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>Renders objects as meta.k8s.io/v1 Table, what kubectl get prints.</summary>
internal static class Tables
{
    public static JsonObject Render(KindVersion version, IEnumerable<JsonObject> objects, string? includeObject, DateTimeOffset now, string resourceVersion, string @continue = "", long? remaining = null)
    {
        var meta = new JsonObject { ["resourceVersion"] = resourceVersion };
        if (@continue.Length > 0) meta["continue"] = @continue;
        if (remaining is { } left) meta["remainingItemCount"] = left;
        var columns = new JsonArray(Define(BuiltInColumns.Name));
        foreach (var column in version.Columns) columns.Add(Define(column));
        var rows = new JsonArray();
        foreach (var value in objects) rows.Add(Row(version, value, includeObject, now));
        return new JsonObject
        {
            ["kind"] = "Table",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = meta,
            ["columnDefinitions"] = columns,
            ["rows"] = rows,
        };
    }

    /// <summary>The object's metadata alone, as metadata clients ask for it.</summary>
    public static JsonObject Partial(JsonObject value) => new()
    {
        ["kind"] = "PartialObjectMetadata",
        ["apiVersion"] = "meta.k8s.io/v1",
        ["metadata"] = value["metadata"]?.DeepClone(),
    };

    /// <summary>The time since a timestamp in kubectl's short form.</summary>
    public static string? Age(string? timestamp, DateTimeOffset now)
    {
        if (timestamp is null) return null;
        return DateTimeOffset.TryParse(timestamp, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var then) ? Short(now - then) : "<invalid>";
    }

    public static string Short(TimeSpan time)
    {
        var seconds = (long)time.TotalSeconds;
        var minutes = seconds / 60;
        var hours = minutes / 60;
        var days = hours / 24;
        return seconds switch
        {
            < -1 => "<invalid>",
            < 0 => "0s",
            < 120 => $"{seconds}s",
            < 600 => Two(minutes, "m", seconds % 60, "s"),
            < 3 * 3600 => $"{minutes}m",
            < 8 * 3600 => Two(hours, "h", minutes % 60, "m"),
            < 48 * 3600 => $"{hours}h",
            < 192 * 3600 => Two(days, "d", hours % 24, "h"),
            < 365L * 2 * 86400 => $"{days}d",
            < 365L * 8 * 86400 => Two(days / 365, "y", days % 365, "d"),
            _ => $"{days / 365}y",
        };
    }

    private static string Two(long big, string bigUnit, long small, string smallUnit) =>
        small == 0 ? $"{big}{bigUnit}" : $"{big}{bigUnit}{small}{smallUnit}";

    private static JsonObject Define(PrinterColumn column) => new()
    {
        ["name"] = column.Name,
        ["type"] = column.Type,
        ["format"] = column.Format,
        ["description"] = column.Description,
        ["priority"] = column.Priority,
    };

    private static JsonObject Row(KindVersion version, JsonObject value, string? includeObject, DateTimeOffset now)
    {
        var cells = new JsonArray(JsonText.String(value["metadata"]?["name"]));
        foreach (var column in version.Columns) cells.Add(Cell(column, value, now));
        return new JsonObject
        {
            ["cells"] = cells,
            ["object"] = includeObject switch
            {
                "None" => null,
                "Object" => value.DeepClone(),
                _ => Partial(value),
            },
        };
    }

    private static JsonNode? Cell(PrinterColumn column, JsonObject value, DateTimeOffset now)
    {
        if (column.Compute is not null) return column.Compute(value, now);
        var found = column.Path?.First(value);
        if (found is null) return null;
        switch (column.Type)
        {
            case "integer":
                return JsonText.Number(found) is { } whole ? (long)whole : null;
            case "number":
                return JsonText.Number(found) is { } number ? number : null;
            case "boolean":
                return JsonText.Bool(found) is { } flag ? flag : null;
            case "date":
                return Age(JsonText.String(found), now);
            default:
                return JsonText.String(found) ?? JsonText.Show(found);
        }
    }
}
