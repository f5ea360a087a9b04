namespace Datum.Providers.Resources;

public static partial class Advice
{
    /// <summary>Export policies. The trace doesn't follow them; their page and events say the same.</summary>
    private static IEnumerable<AdviceRow> Exports() =>
    [
        Fine(Reasons.SinksAccepted), Fine(Reasons.SinkConfigured), Fine(Reasons.Delivered),
        Wait(Reasons.NothingSentYet, "Wait; if it stays, the selector finds nothing"),
        User(CauseOrder.Wish, Reasons.SinksNotAccepted, "Look at `status.sinks`", "Look at status.sinks of {object}[: {message}]"),
        User(CauseOrder.Wish, Reasons.InvalidSource, "Correct the field", "Correct {object}: {message}"),
        User(CauseOrder.Wish, Reasons.InvalidEndpoint, "Name another; what isn't public only the operator can allow", "Name another endpoint in {object}: {message}"),
        User(CauseOrder.Reference, Reasons.InvalidAuthentication, "Make or correct the Secret; it is seen by itself", "Make or correct the Secret that {object} names: {message}"),
        User(CauseOrder.Wish, Reasons.TooManySinks, "Delete policies or sinks of the namespace", "Delete export policies of the namespace of {object}, or sinks of them"),
        User(CauseOrder.Account, Reasons.CredentialsRefused, "Correct user name and password in the Secret", "Correct user name and password in the Secret that {object} names"),
        User(CauseOrder.Account, Reasons.ReceiverRefuses, "Correct the endpoint's path, or ask who runs the receiver", "Correct the endpoint of {object}, or ask who runs the receiver: {message}"),
        User(CauseOrder.Account, Reasons.ReceiverThrottles, "Select less, send larger batches, or have the receiver's limit raised", "Select less in {object}, send larger batches, or have the receiver's limit raised"),
        User(CauseOrder.Platform, Reasons.ReceiverUnavailable, "Look at the receiver and at its certificate", "Look at the receiver of {object} and at its certificate"),
        Operator(CauseOrder.Hold, Reasons.ExportDisabled, "The operator starts the host with `--export`, or doesn't", "start the host with --export, or delete {object}"),
        Operator(CauseOrder.Hold, Reasons.DestinationRefused, "The operator allows the range with `--export-allow`, or doesn't", "allow the range of the endpoint of {object} with --export-allow, if that is meant"),
    ];
}
