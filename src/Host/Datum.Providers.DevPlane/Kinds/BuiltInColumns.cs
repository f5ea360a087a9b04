using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>Columns that kubectl users know from a full cluster.</summary>
internal static class BuiltInColumns
{
    public static readonly PrinterColumn Name = new("Name", "string", "name", "Name must be unique within a namespace.", 0, Parse(".metadata.name"));
    public static readonly PrinterColumn Age = new("Age", "date", "", "CreationTimestamp is a timestamp representing the server time when this object was created.", 0, Parse(".metadata.creationTimestamp"));

    public static readonly IReadOnlyList<PrinterColumn> Namespace = [Text("Status", ".status.phase"), Age];
    public static readonly IReadOnlyList<PrinterColumn> Secret = [Text("Type", ".type"), Count("Data", "data"), Age];
    public static readonly IReadOnlyList<PrinterColumn> ConfigMap = [Count("Data", "data", "binaryData"), Age];
    public static readonly IReadOnlyList<PrinterColumn> Lease = [Text("Holder", ".spec.holderIdentity"), Age];
    public static readonly IReadOnlyList<PrinterColumn> Definition = [new("Created At", "date", "", "When this object was created.", 0, null, (o, _) => o["metadata"]?["creationTimestamp"]?.DeepClone())];

    public static readonly IReadOnlyList<PrinterColumn> Event =
    [
        new("Last Seen", "string", "", "", 0, null, (o, now) => Tables.Age(JsonText.String(o["lastTimestamp"]) ?? JsonText.String(o["eventTime"]) ?? JsonText.String(o["metadata"]?["creationTimestamp"]), now)),
        Text("Type", ".type"),
        Text("Reason", ".reason"),
        new("Object", "string", "", "", 0, null, (o, _) => $"{JsonText.String(o["involvedObject"]?["kind"])?.ToLowerInvariant()}/{JsonText.String(o["involvedObject"]?["name"])}"),
        Text("Message", ".message"),
    ];

    private static PrinterColumn Text(string name, string path) => new(name, "string", "", "", 0, Parse(path));

    private static PrinterColumn Count(string name, params string[] maps) =>
        new(name, "integer", "", "", 0, null, (o, _) => maps.Sum(m => (o[m] as JsonObject)?.Count ?? 0));

    private static JsonPath Parse(string text) =>
        JsonPath.TryParse(text, out var path, out var error) ? path : throw new InvalidOperationException(error);
}
