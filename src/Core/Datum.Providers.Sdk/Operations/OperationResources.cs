using System.Globalization;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>
/// Work that is a resource of its own, as at Google: Compute's (<c>status: DONE</c>, <c>error.errors[]</c>, <c>httpErrorStatusCode</c>) and the
/// common form (<c>done: true</c>, <c>error{code,message}</c>). The answer to the mutation is its first state.
/// </summary>
public sealed class OperationResources : OperationStyle
{
    /// <inheritdoc/>
    public override string Name => "opres";

    /// <summary>Makes a path, relative to the client's base address, of an operation's <c>name</c>; null to follow its <c>selfLink</c>.</summary>
    public Func<string, string>? Path { get; init; }

    /// <inheritdoc/>
    public override string? Find(RestResult answer, Uri endpoint)
    {
        if (Path is null)
            return JsonText.Find(answer.Body, "selfLink") is not { } link ? null : HostRelative(link, endpoint) ?? "";
        return JsonText.Find(answer.Body, "name");
    }

    /// <inheritdoc/>
    public override RestRequest? Ask(string data) =>
        Path is not null ? RestRequest.Get(Path(data)) : data.StartsWith('/') && !data.StartsWith("//", StringComparison.Ordinal) ? RestRequest.AtRoot(data) : null;

    /// <inheritdoc/>
    public override OperationReading Read(RestResult answer, string data, bool first)
    {
        using var document = JsonDocument.Parse(answer.Body);
        var json = document.RootElement;
        var done = JsonText.Find(json, "done") == "true" || JsonText.Find(json, "status") == "DONE";
        if (!done)
            return JsonText.Find(json, "progress") is { } percent && percent != "0"
                ? OperationReading.Running($"{JsonText.Find(json, "operationType") ?? "operation"}: {percent} %")
                : OperationReading.Running(JsonText.Find(json, "status"));
        if (!json.TryGetProperty("error", out var error) || error.ValueKind != JsonValueKind.Object)
            return OperationReading.Succeeded;
        var status = int.TryParse(JsonText.Find(json, "httpErrorStatusCode"), NumberStyles.None, CultureInfo.InvariantCulture, out var http) ? http : 0;
        return OperationReading.Failed(Detail(error), status);
    }

    private static ErrorDetail Detail(JsonElement error)
    {
        var outer = ErrorDetail.FromJson(error);
        if (!error.TryGetProperty("errors", out var errors) || errors.ValueKind != JsonValueKind.Array || errors.GetArrayLength() == 0)
            return outer;
        // Every error of the list: a quota message can hide a stockout.
        var each = errors.EnumerateArray().Select(ErrorDetail.FromJson).ToList();
        return new ErrorDetail
        {
            Code = each[0].Code,
            Codes = [.. each.SelectMany(e => e.Codes).Concat(outer.Codes).Distinct(StringComparer.Ordinal)],
            Message = string.Join("; ", each.Select(e => e.Message).OfType<string>().Distinct(StringComparer.Ordinal)) is { Length: > 0 } all ? all : outer.Message,
        };
    }
}
