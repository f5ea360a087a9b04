using System.Globalization;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>
/// Work behind an address in a header, as at Azure: <c>Azure-AsyncOperation</c> or <c>Operation-Location</c>, whose body has a <c>status</c>;
/// else <c>Location</c>, which answers 202 until the work has ended.
/// </summary>
public sealed class AsyncUrls : OperationStyle
{
    /// <inheritdoc/>
    public override string Name => "asyncurl";

    /// <inheritdoc/>
    public override string? Find(RestResult answer, Uri endpoint)
    {
        if ((answer.Header("azure-asyncoperation") ?? answer.Header("operation-location")) is { Length: > 0 } operation)
            return HostRelative(operation, endpoint) is { } path ? "a" + path : "";
        if (answer.Status == 202)
            return HostRelative(answer.Header("location"), endpoint) is { } path ? "l" + path : "";
        return null;
    }

    /// <inheritdoc/>
    public override RestRequest? Ask(string data) =>
        data.Length > 2 && data[0] is 'a' or 'l' && data[1] == '/' && data[2] != '/' ? RestRequest.AtRoot(data[1..]) : null;

    /// <summary>The address answers what the request itself would have got, so a client error is the work's end, unless it is about this look.</summary>
    public override bool IsOutcome(RestResult refusal) => refusal.Status is >= 400 and < 500 and not (401 or 403 or 408 or 429);

    /// <inheritdoc/>
    public override OperationReading Read(RestResult answer, string data, bool first)
    {
        if (first)
            return OperationReading.Running();
        if (answer.Error is not null)
            return OperationReading.Failed(ErrorDetail.Read(answer), answer.Status);
        if (answer.Status == 202)
            return OperationReading.Running(answer.Body.IsEmpty ? null : JsonText.Find(answer.Body, "status"));
        if (data[0] == 'l')
            return OperationReading.Succeeded;

        using var document = JsonDocument.Parse(answer.Body);
        var json = document.RootElement;
        var status = JsonText.Find(json, "status");
        return status?.ToUpperInvariant() switch
        {
            "SUCCEEDED" => OperationReading.Succeeded,
            "FAILED" => OperationReading.Failed(json.TryGetProperty("error", out var error) ? ErrorDetail.FromJson(error) : new ErrorDetail { Message = "the operation failed" }),
            "CANCELED" or "CANCELLED" => OperationReading.Failed(json.TryGetProperty("error", out var why) && why.ValueKind == JsonValueKind.Object
                ? ErrorDetail.FromJson(why)
                : new ErrorDetail { Code = "Canceled", Message = "the operation was cancelled at the platform" }),
            null => OperationReading.Unknown,
            _ => OperationReading.Running(JsonText.Find(json, "percentComplete") is { } percent
                ? string.Create(CultureInfo.InvariantCulture, $"{status}: {percent} %")
                : status),
        };
    }
}
