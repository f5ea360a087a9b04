using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>The scale subresource of a definition: where the counts and the selector lie in its objects.</summary>
internal sealed record ScalePaths(string Spec, string Status, string? Selector)
{
    private const string Form = "autoscaling/v1";

    private static readonly StructuralSchema Schema = new SchemaParser(new CelRules(), []).Parse((JsonObject)JsonNode.Parse("""
        {"type":"object","properties":{"spec":{"type":"object","properties":{"replicas":{"type":"integer"}}},
        "status":{"type":"object","properties":{"replicas":{"type":"integer"},"selector":{"type":"string"}}}}}
        """)!, "");

    public static ScalePaths? Read(JsonNode? scale, string at, List<FieldError> errors)
    {
        if (scale is not JsonObject) return null;
        var selector = JsonText.String(scale["labelSelectorPath"]);
        Check("specReplicasPath", JsonText.String(scale["specReplicasPath"]) ?? "", ".spec");
        Check("statusReplicasPath", JsonText.String(scale["statusReplicasPath"]) ?? "", ".status");
        return new ScalePaths(JsonText.String(scale["specReplicasPath"]) ?? "", JsonText.String(scale["statusReplicasPath"]) ?? "", selector is { Length: > 0 } ? selector : null);

        void Check(string field, string path, string below)
        {
            if (path.Length == 0) errors.Add(FieldError.Required($"{at}.{field}"));
            else if (!path.StartsWith(below + ".", StringComparison.Ordinal)) errors.Add(FieldError.InvalidText($"{at}.{field}", JsonText.Quote(path), $"should be a json path under {below}"));
        }
    }

    /// <summary>The Scale of an object, without its count where the object has none.</summary>
    public JsonObject Of(JsonObject value)
    {
        var meta = new JsonObject();
        foreach (var field in (string[])["name", "namespace", "uid", "resourceVersion", "creationTimestamp"])
        {
            if (value["metadata"]?[field] is { } found) meta[field] = found.DeepClone();
        }

        var spec = new JsonObject();
        if (JsonText.Int(Find(value, Spec)) is { } wanted and not 0) spec["replicas"] = wanted;
        var status = new JsonObject { ["replicas"] = JsonText.Int(Find(value, Status)) ?? 0 };
        if (Selector is not null && JsonText.String(Find(value, Selector)) is { Length: > 0 } selector) status["selector"] = selector;
        return new JsonObject { ["kind"] = "Scale", ["apiVersion"] = Form, ["metadata"] = meta, ["spec"] = spec, ["status"] = status };
    }

    /// <exception cref="ApiError">The object says nowhere how many it wants.</exception>
    public JsonObject OfComplete(JsonObject value) =>
        Find(value, Spec) is null ? throw ApiError.Internal($"the spec replicas field {JsonText.Quote(Spec)} does not exist") : Of(value);

    /// <summary>Writes a changed Scale into its object and returns the fields that a Scale doesn't have.</summary>
    public List<string> Apply(JsonObject scale, JsonObject value)
    {
        var kind = JsonText.String(scale["kind"]);
        if (kind != "Scale" || JsonText.String(scale["apiVersion"]) is not (null or "" or Form) || (scale["spec"]?["replicas"] is { } given && JsonText.Int(given) is null))
        {
            throw ApiError.BadRequest($"the body must be a Scale of {Form}");
        }

        MetadataRules.CheckTypes(scale, "Scale", "v1");
        var name = JsonText.String(value["metadata"]?["name"]);
        var sent = JsonText.String(scale["metadata"]?["name"]) ?? "";
        if (sent != name) throw ApiError.BadRequest($"the name of the object ({sent}) does not match the name on the URL ({name})");
        var unknown = Pruning.PruneObject(scale, Schema);
        if (JsonText.String(scale["metadata"]?["resourceVersion"]) is { Length: > 0 } version) value["metadata"]!["resourceVersion"] = version;
        var steps = Steps(Spec);
        var at = value;
        foreach (var step in steps.AsSpan(0, steps.Length - 1))
        {
            if (at[step] is not JsonObject next) at[step] = next = [];
            at = next;
        }

        at[steps[^1]] = JsonText.Int(scale["spec"]?["replicas"]) ?? 0;
        return unknown;
    }

    /// <summary>What the counts of an object must be, whatever its schema says.</summary>
    public void Validate(JsonObject value, bool statusOnly, List<FieldError> errors)
    {
        if (!statusOnly) CheckCount(value, Spec, errors);
        CheckCount(value, Status, errors);
        if (Selector is not null && Find(value, Selector) is { } selector && JsonText.String(selector) is null)
        {
            errors.Add(FieldError.InvalidText(Selector, "\"\"", $"{Selector} accessor error: {JsonText.Show(selector)} is of the type {GoName(selector)}, expected string"));
        }
    }

    private static void CheckCount(JsonObject value, string path, List<FieldError> errors)
    {
        if (Find(value, path) is not { } found) return;
        if (JsonText.Int(found) is not { } count) errors.Add(FieldError.InvalidText(path, "0", $"{path} accessor error: {Plain(found)} is of the type {GoName(found)}, expected int64"));
        else if (count < 0) errors.Add(FieldError.Invalid(path, found, "should be a non-negative integer"));
        else if (count > int.MaxValue) errors.Add(FieldError.Invalid(path, found, $"should be less than or equal to {int.MaxValue}"));
    }

    private static string Plain(JsonNode value) => JsonText.String(value) ?? JsonText.Show(value);

    private static string GoName(JsonNode value) => JsonText.TypeName(value) switch { "integer" => "int64", "number" => "float64", "boolean" => "bool", "object" => "map[string]interface {}", "array" => "[]interface {}", var other => other };

    private static string[] Steps(string path) => path.TrimStart('.').Split('.');

    private static JsonNode? Find(JsonNode? value, string path)
    {
        foreach (var step in Steps(path)) value = (value as JsonObject)?[step];
        return value;
    }
}
