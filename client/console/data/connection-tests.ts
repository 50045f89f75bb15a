/** The words of tests, from the contract. */
export {
  type ConnectionTest,
  ConnectionTest_Outcome as Outcome,
  ConnectionTest_Stage_Name as StageName,
  ConnectionTest_Stage_State as StageState,
} from "../../../gen/patchbay/v1/connection_test_pb.ts";
export { StoredCredentials_Slot as Slot } from "../../../gen/patchbay/v1/credentials_pb.ts";
