import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.parser.LenientErrorHandler;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationOptions;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/**
 * The HL7 validation engine behind a pipe: one JSON object a line in, one out.
 *
 * <p>In: {"id": …, "resource": text, "profiles": […]}. Out: {"id": …, "issues": [[severity, location, message]], "ms": …}.
 * Arguments are folders of conformance resources (JSON) to know besides R4.
 */
public final class Peer {
  private Peer() {}

  public static void main(String[] folders) throws Exception {
    FhirContext context = FhirContext.forR4();
    context.setParserErrorHandler(new LenientErrorHandler(false));
    PrePopulatedValidationSupport given = new PrePopulatedValidationSupport(context);
    for (String folder : folders) {
      load(context, given, Path.of(folder));
    }
    ValidationSupportChain chain =
        new ValidationSupportChain(
            given,
            new DefaultProfileValidationSupport(context),
            new CommonCodeSystemsTerminologyService(context),
            new InMemoryTerminologyServerValidationSupport(context),
            new SnapshotGeneratingValidationSupport(context));
    FhirInstanceValidator engine = new FhirInstanceValidator(chain);
    engine.setAnyExtensionsAllowed(false);
    // a reference's address says of what type its target is, as in our validator
    engine.setAssumeValidRestReferences(true);
    engine.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
    FhirValidator validator = context.newValidator().registerValidatorModule(engine);
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Gson gson = new Gson();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.println(gson.toJson(answer(validator, JsonParser.parseString(line).getAsJsonObject())));
    }
  }

  private static void load(FhirContext context, PrePopulatedValidationSupport given, Path folder) throws Exception {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(one -> one.toString().endsWith(".json")).toList()) {
        try {
          IBaseResource resource = context.newJsonParser().parseResource(Files.readString(file));
          given.addResource(resource);
        } catch (RuntimeException error) {
          System.err.println(file + ": " + error.getMessage());
        }
      }
    }
  }

  private static JsonObject answer(FhirValidator validator, JsonObject question) {
    ValidationOptions options = new ValidationOptions();
    question.getAsJsonArray("profiles").forEach(one -> options.addProfile(one.getAsString()));
    JsonArray issues = new JsonArray();
    long start = System.nanoTime();
    try {
      for (SingleValidationMessage one :
          validator.validateWithResult(question.get("resource").getAsString(), options).getMessages()) {
        issues.add(issue(one.getSeverity(), one.getLocationString(), one.getMessage()));
      }
    } catch (RuntimeException error) {
      issues.add(issue(ResultSeverityEnum.FATAL, "", "exception: " + error.getMessage()));
    }
    JsonObject answer = new JsonObject();
    answer.add("id", question.get("id"));
    answer.add("issues", issues);
    answer.addProperty("ms", (System.nanoTime() - start) / 1e6);
    return answer;
  }

  private static JsonArray issue(ResultSeverityEnum severity, String location, String message) {
    JsonArray issue = new JsonArray();
    issue.add(severity == null ? "" : severity.getCode());
    issue.add(location == null ? "" : location);
    issue.add(message == null ? "" : message);
    return issue;
  }
}
