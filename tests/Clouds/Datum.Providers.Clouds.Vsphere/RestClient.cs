using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>vcsim's REST side by a session of our own.</summary>
internal sealed class RestClient(SoapClient vcsim)
{
    private const string Tagging = "/rest/com/vmware/cis/tagging/";

    private string? _session;

    public static string Basic { get; } = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Vcsim.User}:{Vcsim.Password}"));

    /// <summary>Calls; the member <c>value</c> of the answer, null for none. Throws for an answer that isn't one of success.</summary>
    public JsonNode? Call(string method, string path, JsonNode? body = null)
    {
        _session ??= Send("POST", "/rest/com/vmware/cis/session", null, new("Authorization", Basic))!.ToString();
        return Send(method, path, body, new("vmware-api-session-id", _session));
    }

    /// <summary>The ids of tags on an object.</summary>
    public IEnumerable<string> TagsOf(MoRef target) => List(Call("POST", Tagging + "tag-association?~action=list-attached-tags", Object(target)));

    /// <summary>The ids of all tags.</summary>
    public IEnumerable<string> Tags() => List(Call("GET", Tagging + "tag"));

    /// <summary>A tag: name, category_id, description.</summary>
    public JsonNode Tag(string id) => Call("GET", $"{Tagging}tag/id:{id}")!;

    public void Attach(string tag, MoRef target) => Call("POST", $"{Tagging}tag-association/id:{tag}?~action=attach", Object(target));

    /// <summary>Takes all tags off an object; those of an object that is gone go with it in a vCenter.</summary>
    public void Detach(MoRef target)
    {
        foreach (var tag in TagsOf(target).ToList())
            Detach(tag, target);
    }

    public void Detach(string tag, MoRef target) => Call("POST", $"{Tagging}tag-association/id:{tag}?~action=detach", Object(target));

    /// <summary>Removes all categories with their tags, and all local libraries.</summary>
    public void Clear()
    {
        foreach (var category in List(Call("GET", Tagging + "category")).ToList())
            Call("DELETE", $"{Tagging}category/id:{category}");
        foreach (var library in List(Call("GET", "/rest/com/vmware/content/library")).ToList())
            Call("DELETE", $"/rest/com/vmware/content/local-library/id:{library}");
    }

    private static JsonObject Object(MoRef target) => new() { ["object_id"] = new JsonObject { ["id"] = target.Value, ["type"] = target.Type } };

    private static IEnumerable<string> List(JsonNode? value) => (value as JsonArray ?? []).Select(v => v!.ToString());

    private JsonNode? Send(string method, string path, JsonNode? body, KeyValuePair<string, string> header)
    {
        var question = path.IndexOf('?', StringComparison.Ordinal);
        var answer = vcsim.Send(new CloudRequest
        {
            Method = method,
            Path = question < 0 ? path : path[..question],
            Query = CloudRequest.ParseQuery(question < 0 ? "" : path[question..]),
            Headers = [header, new("Content-Type", "application/json")],
        }, body is null ? default(ReadOnlyMemory<byte>) : Encoding.UTF8.GetBytes(body.ToJsonString()));
        if (answer.Status >= 300)
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{method} {path} answered {answer.Status}: {Encoding.UTF8.GetString(answer.Body.Span)}"));
        return answer.Body.Length > 0 ? JsonNode.Parse(answer.Body.Span)?["value"] : null;
    }
}
