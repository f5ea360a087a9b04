using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>The REST endpoint: accounts of the SOAP side, lists that are lists, errors with bodies.</summary>
public sealed partial class VsphereCloud
{
    private const string SessionPath = "/rest/com/vmware/cis/session";

    private readonly RestClient _rest;
    private readonly Dictionary<string, (string User, DateTimeOffset Last)> _restSessions = new(StringComparer.Ordinal);

    private CloudResponse HandleRest(CloudRequest request)
    {
        var operation = $"{request.Method} {request.Path["/rest/".Length..]}{(request.Parameter("~action") is { } action ? "?~action=" + action : "")}";
        var rule = Note(operation, "", 0);
        if (rule is { Moment: FaultMoment.Before })
            return BrokenRest(rule);
        var answer = AnswerRest(request);
        _calls[^1] = _calls[^1] with { Status = answer.Status };
        return rule is null ? answer : BrokenRest(rule);
    }

    private static CloudResponse BrokenRest(FaultRule rule) => rule.Fault is { } fault ? RestError(rule.Status ?? 500, fault, Words.Of(fault)) : Broken(rule);

    private CloudResponse AnswerRest(CloudRequest request)
    {
        if (Knobs.Overloaded is { } wait)
            return Overloaded(wait);
        if (Knobs.RestDown)
            return RestError(503, "service_unavailable", "The service is not available.");
        if (request.Path == SessionPath && request.Method == "POST" && request.Parameter("~action") is null)
            return RestLogin(request);
        var id = request.Header("vmware-api-session-id") ?? "";
        if (!_restSessions.TryGetValue(id, out var session))
            return RestError(401, "unauthenticated", "Authentication required.");
        _restSessions[id] = session with { Last = Now };
        if (request.Path == SessionPath && request.Method == "DELETE")
            _restSessions.Remove(id);
        if (Description?.CheckRest(request) is { Length: > 0 } wrong && HoldsRequests)
        {
            _violations.AddRange(wrong);
            return RestError(400, "invalid_argument", string.Join("; ", wrong));
        }

        if (RestPrivilege(request) is { } privilege)
        {
            _privileges.Add(privilege);
            if (Knobs.Denied.Contains(privilege))
                return RestError(403, "unauthorized", $"Permission to perform this operation was denied: {privilege}");
        }

        if (request.Parameter("~action") == "attach" && MissingObject(request) is { } missing)
            return RestError(404, "not_found", $"The object {missing} could not be found.");
        // vcsim wants a body where the description has none.
        return MendRest(_vcsim.Send(request, request.Body.IsEmpty && request.Parameter("~action") == "list-attached-objects" ? "{}"u8.ToArray() : request.Body));
    }

    private CloudResponse RestLogin(CloudRequest request)
    {
        var header = request.Header("Authorization") ?? "";
        var text = "";
        try
        {
            text = header.StartsWith("Basic ", StringComparison.Ordinal) ? Encoding.UTF8.GetString(Convert.FromBase64String(header[6..])) : "";
        }
        catch (FormatException)
        {
            // Refused below, as nobody's.
        }

        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || !MayEnter(text[..colon], text[(colon + 1)..]))
            return RestError(401, "unauthenticated", "Authentication required.");
        var answer = _vcsim.Send(request with { Headers = [new("Authorization", RestClient.Basic)] }, request.Body);
        _restSessions[JsonNode.Parse(answer.Body.Span)!["value"]!.ToString()] = (text[..colon], Now);
        return MendRest(answer);
    }

    private string? MissingObject(CloudRequest request)
    {
        var target = JsonNode.Parse(request.Body.Span)?["object_id"];
        var reference = new MoRef(target?["type"]?.ToString() ?? "", target?["id"]?.ToString() ?? "");
        // Library items and first-class disks aren't in the inventory.
        if (reference.Type is not ("VirtualMachine" or "DistributedVirtualPortgroup" or "Folder" or "Datastore" or "HostSystem" or "Network" or "ResourcePool"))
            return null;
        try
        {
            _vcsim.Read(reference, "name");
            return null;
        }
        catch (VimFault)
        {
            return $"{reference}";
        }
    }

    private static string? RestPrivilege(CloudRequest request) => (request.Method, request.Path["/rest/com/vmware/".Length..].Replace("cis/tagging/", "", StringComparison.Ordinal).Split('/')[0], request.Parameter("~action")) switch
    {
        ("POST", "category", null) => "InventoryService.Tagging.CreateCategory",
        ("DELETE", "category", _) => "InventoryService.Tagging.DeleteCategory",
        ("POST", "tag", null) => "InventoryService.Tagging.CreateTag",
        ("DELETE", "tag", _) => "InventoryService.Tagging.DeleteTag",
        ("PATCH", "tag", _) => "InventoryService.Tagging.EditTag",
        ("POST", "tag-association", { } action) when action.StartsWith("attach", StringComparison.Ordinal) || action.StartsWith("detach", StringComparison.Ordinal) => "InventoryService.Tagging.AttachTag",
        _ => null,
    };

    // vcsim writes null for an empty list, and errors as text or by a type alone.
    private static CloudResponse MendRest(CloudResponse answer)
    {
        var text = Encoding.UTF8.GetString(answer.Body.Span);
        if (answer.Status < 300)
            return text.Trim() == """{"value":null}""" ? Json(answer, """{"value":[]}""") : Json(answer, text);
        if (answer.Status == 404)
            return RestError(404, "not_found", "The object could not be found.");
        if (answer.Status == 400 && text.StartsWith('{') && JsonNode.Parse(text)?["type"]?.ToString() is { } type)
            return RestError(400, type[(type.LastIndexOf('.') + 1)..], "The request was refused.");
        return answer;
    }

    private static CloudResponse Json(CloudResponse answer, string text) => answer with { Body = Encoding.UTF8.GetBytes(text), ContentType = "application/json" };

    private static CloudResponse RestError(int status, string kind, string message) => new()
    {
        Status = status,
        ContentType = "application/json",
        Body = JsonSerializer.SerializeToUtf8Bytes(new JsonObject
        {
            ["type"] = "com.vmware.vapi.std.errors." + kind,
            ["value"] = new JsonObject { ["messages"] = new JsonArray(new JsonObject { ["default_message"] = message, ["id"] = "vapi." + kind, ["args"] = new JsonArray() }) },
        }),
    };
}
